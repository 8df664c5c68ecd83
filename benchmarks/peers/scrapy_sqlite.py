"""Scrapy and sqlite3: `python scrapy_sqlite.py URL BOARDS WORKERS DATABASE`."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from typing import Any, ClassVar

import scrapy
from rows import opened, save
from scrapy.crawler import CrawlerProcess

URL, BOARDS, WORKERS, DATABASE = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]


class Boards(scrapy.Spider):
    """Fetches every board; Scrapy itself asks a refused one again."""

    name = "boards"
    custom_settings: ClassVar = {
        "CONCURRENT_REQUESTS": WORKERS,
        "CONCURRENT_REQUESTS_PER_DOMAIN": WORKERS,
        "DOWNLOAD_DELAY": 0,
        "ROBOTSTXT_OBEY": False,
        "LOG_LEVEL": "ERROR",
        "TELNETCONSOLE_ENABLED": False,
    }

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.connection = opened(DATABASE)

    async def start(self) -> AsyncIterator[scrapy.Request]:
        """Ask for every board."""
        for number in range(BOARDS):
            yield scrapy.Request(f"{URL}/v1/boards/b{number}/jobs", meta={"board": f"b{number}"})

    def parse(self, response: Any) -> None:
        """Save an answer."""
        save(self.connection, response.meta["board"], response.body)


crawler = CrawlerProcess()
crawler.crawl(Boards)
crawler.start()

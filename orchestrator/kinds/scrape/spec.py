"""The fields of a scrape job. What the boards have to say about companies is in `check.py`: here is only the shape."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints

from orchestrator.spec.base import JobSpec, SpecModel
from orchestrator.spec.types import Duration, Glob, ProjectPath, Share, Size

MOST_COMPANIES: Final = 100_000

Word = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
Address = Annotated[str, StringConstraints(min_length=8, max_length=2000, strip_whitespace=True)]


class Fallback(SpecModel):
    """Where a company's postings are read when its board fails or is gone: the second tier."""

    board: Word | None = Field(default=None, description="The board; found from `url` if missing.", examples=["jsonld"])
    token: Word | None = Field(default=None, description="The board's name for the company.", examples=["acme"])
    url: Address | None = Field(
        default=None, description="A page of the board, or the company's own.", examples=["https://acme.example/careers"]
    )
    sitemap: bool = Field(default=False, description="For `jsonld`: find the postings through the site's sitemap.")
    limit: int | None = Field(default=None, ge=1, le=100_000, description="The most postings to read.", examples=[200])


class Company(Fallback):
    """One company, and where its postings are listed: a board and a token, or a URL that says both."""

    name: Word | None = Field(
        default=None, description="What people call it; the default is the token or the host.", examples=["Acme Robotics"]
    )
    fallback: Fallback | None = Field(default=None, description="Read this when the board fails or is gone.")


class PerHost(SpecModel):
    """How hard one host is asked."""

    concurrency: int | None = Field(
        default=None,
        ge=1,
        le=128,
        description="Requests in flight to one host. The default is 4 for public hosts (less for boards known to mind), and "
        "no bound of its own for the hosts of `allow_private_hosts`.",
        examples=[4],
    )
    min_interval: Annotated[Duration, Field(le=60)] = Field(
        default=0.0,
        description="Time between the starts of two requests to one host. On a Dask cluster, both hold for each worker.",
        examples=["250ms"],
    )


class Http(SpecModel):
    """How requests are made."""

    request_timeout: Annotated[Duration, Field(gt=0, le=180)] = Field(
        default=30.0, description="The most that one try of a request may take in all, from the name to the last byte."
    )
    retries: int = Field(
        default=3,
        ge=0,
        le=10,
        description="Further tries after the first one, behind random waits of up to 0.2, 0.8, 3.2, 12.8 and then 20 seconds; "
        "up to 1, 4, 16 and 20 seconds after a 429. A `Retry-After` counts instead.",
    )
    per_host: PerHost = Field(default=PerHost(), description="How hard one host is asked.")
    max_body: Annotated[Size, Field(ge=1024, le=1_000_000_000)] = Field(
        default=32_000_000, description="The longest answer, after decompression.", examples=["32MB"]
    )
    user_agent: Annotated[str, StringConstraints(min_length=1, max_length=300, pattern=r"^[\x20-\x7e]+$")] | None = Field(
        default=None,
        description="What the program calls itself; the default is its name and version.",
        examples=["acme-jobs/1.0 (+https://acme.example/bot)"],
    )
    robots: Literal["pages", "ignore"] = Field(
        default="pages", description="`pages` obeys robots.txt for pages made for people; public APIs are not asked for it."
    )
    allow_private_hosts: list[Word] = Field(
        default_factory=list,
        max_length=1000,
        description="Names, addresses and networks that may be asked although they aren't public.",
        examples=[["127.0.0.1", "10.0.0.0/8"]],
    )
    base_urls: dict[Word, Address] = Field(
        default_factory=dict,
        description="By board: replaces scheme and host of its public address, the path stays (a proxy, a test server).",
        examples=[{"greenhouse": "http://127.0.0.1:9999"}],
    )
    proxy: Address | None = Field(
        default=None,
        description="Send everything through this HTTP proxy. It resolves the names, so only they can be checked then.",
        examples=["http://proxy.example:3128"],
    )


class Sync(SpecModel):
    """What may close postings. A guard holds closings and warns; `orchestrate postings accept COMPANY` lets them pass."""

    max_drop: Share = Field(
        default=0.3, description="Hold if fewer were listed than the median of the last runs, by more than this share."
    )
    max_close: Share = Field(
        default=0.5, description="Hold if more than this share of a company's open postings (and at least 5) would close."
    )
    close_after: int | None = Field(
        default=None,
        ge=1,
        le=100,
        description="Close a posting that this many complete fetches in a row didn't list. The default is 1 for the APIs of "
        "boards and 2 for pages.",
        examples=[1],
    )
    confirm_empty: int = Field(
        default=2, ge=1, le=100, description="How many runs must find a board empty that had postings, before they close."
    )
    confirm_apart: Duration = Field(
        default=21600.0, description="How long the first and the last of these runs must lie apart.", examples=["6h"]
    )


class ScrapeSpec(JobSpec):
    """Gathers the postings of companies from job boards into the database."""

    kind: Literal["scrape"] = Field(description="The kind of the job.")
    concurrency: int = Field(default=16, ge=1, le=128, description="How many companies are asked at a time.")
    companies: list[Company] = Field(
        min_length=1,
        max_length=MOST_COMPANIES,
        description="The companies.",
        examples=[[{"name": "Acme Robotics", "board": "greenhouse", "token": "acme"}]],
    )
    include_title: list[Glob] = Field(
        default_factory=list,
        max_length=1000,
        description="Keep only postings whose title matches one of these: globs, or plain words that it contains.",
        examples=[["*engineer*"]],
    )
    exclude_title: list[Glob] = Field(
        default_factory=list,
        max_length=1000,
        description="Leave out postings whose title matches. They count as not listed: those that are stored close.",
        examples=[["*intern*"]],
    )
    details: Literal["none", "new-only", "all"] = Field(
        default="new-only", description="Which postings are asked for one by one, at boards whose list has no descriptions."
    )
    http: Http = Field(default=Http(), description="How requests are made.")
    sync: Sync = Field(default=Sync(), description="What may close postings.")
    replay: ProjectPath | None = Field(
        default=None, description="Answer from this HAR file; the network is never touched.", examples=["examples/boards.har"]
    )
    record: ProjectPath | None = Field(
        default=None, description="Write what came over the network to this HAR file.", examples=["recorded.har"]
    )

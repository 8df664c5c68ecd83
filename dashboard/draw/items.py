"""The table of items, failed ones first."""

from __future__ import annotations

from functools import lru_cache

from dashboard.draw.parts import badge, coded
from dashboard.items import Item, Items
from dashboard.nodes import Child, Node, h
from dashboard.words import count, counted, percent, short_seconds

_HEAD = (("State", ""), ("Item", ""), ("Job", ""), ("Found", ".number"), ("Took", ".number"))


def item_table(
    items: Items,
    rows: list[Item],
    *,
    above: Child = None,
    below: Child = None,
    matching: int | None = None,
    hints: bool = False,
) -> Node:
    """Return the items that ended. While a long journal is still being read, it says so."""
    reading = "" if items.complete else f" · reading the journal, {percent(items.share)}"
    shown = "" if matching is None or matching == len(items) else f"{count(matching)} of "
    failed = f" · {count(len(items.failed))} failed" if items.failed else ""
    return h(
        "section.items",
        h("div.between", h("h2", "Items"), h("span.faint", f"{shown}{counted(len(items), 'item')} ended{failed}{reading}")),
        above,
        _damaged(items),
        h(
            "div.scroll",
            h(
                "table",
                h("thead", h("tr", [h(f"th{css}", name, scope="col") for name, css in _HEAD])),
                h(
                    "tbody",
                    [_row(item, items.most_found, hints=hints) for item in rows]
                    or h("tr", h("td.faint", "No item to show.", colspan=5)),
                ),
            ),
            tabindex=0,
            role="region",
            aria_label="Items",
        ),
        below,
        key="items",
    )


def _damaged(items: Items) -> Node | None:
    if not items.damaged:
        return None
    return h("p.faint", "The journal is damaged behind these items; what follows in it isn't shown.")


@lru_cache(maxsize=512)
def _row(item: Item, most_found: int, *, hints: bool) -> Node:
    tries = f"after {counted(item.tries, 'try', 'tries')}" if item.tries > 1 else ""
    why = (
        h("p.why", coded(item.message), h("span.hint", coded(item.hint)) if hints and item.hint else None)
        if item.message
        else None
    )
    return h(
        f"tr.{item.state}",
        h("td", badge(item.state)),
        h("td.key", item.key, why),
        h("td.faint.jobname", item.job),
        h("td.number", _found(item, most_found)),
        h("td.number", short_seconds(item.seconds) or None, h("span.faint", tries) if tries else None),
        key=f"{item.job} {item.key}",
    )


def _found(item: Item, most_found: int) -> list[Node | str]:
    if item.found is None:
        return []
    share = 100 * item.found / most_found if most_found else 0
    return [h("span.meter", css={"w": share}), h("span.amount", count(item.found)), h("span.unit", " found")]

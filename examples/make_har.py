"""Writes boards.har, the recording that the sample in jobs.yaml is answered from: `python examples/make_har.py`.

The companies, their postings and their figures are invented. The addresses are those that the boards would ask, taken from the
boards themselves, and the answers have the shape of each vendor's public API.
"""

from __future__ import annotations

import hashlib
import html
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from orchestrator.kinds.scrape.boards import find_board
from orchestrator.kinds.scrape.boards.base import Request, Source
from orchestrator.kinds.scrape.har import entry
from orchestrator.kinds.scrape.listing import Collector
from orchestrator.kinds.scrape.wire import Call, Reply

RECORDED_AT: Final = datetime(2026, 11, 20, 9, tzinfo=UTC)
Role = tuple[str, str, str, tuple[str, ...], tuple[str, ...]]

ROLES: Final[dict[str, Role]] = {
    "controls": (
        "Controls Engineer, Mobile Robots",
        "Engineering",
        "You design the motion control of our warehouse robots, from the model on paper to the loop that runs at 1 kHz.",
        ("Model drives and chassis, and identify their parameters on the test track", "Write and review real-time C++"),
        ("Three years with control systems that left the lab", "C++ and Python, and no fear of an oscilloscope"),
    ),
    "perception": (
        "Senior Perception Engineer",
        "Engineering",
        "You own what our machines see: lidar and camera fusion for aisles that change every night.",
        ("Train and ship detection models that run on the robot", "Build the data loop from field logs to labels"),
        ("Experience with point clouds and PyTorch", "You have debugged a model in front of a customer"),
    ),
    "fieldservice": (
        "Field Service Technician",
        "Operations",
        "You keep fleets running on site, and you are the person our customers know by name.",
        ("Install, calibrate and repair robots at customers' sites", "Write down what broke, so that it is fixed at home"),
        ("Training in mechatronics or electrical engineering", "A driving licence, and patience with loading docks"),
    ),
    "platform": (
        "Platform Engineer (Kubernetes)",
        "Infrastructure",
        "You build the platform on which twelve product teams deploy forty times a day.",
        ("Run our clusters in three regions", "Turn recurring requests into self-service"),
        ("You have operated Kubernetes through a bad night", "Go or Python, Terraform, and clear writing"),
    ),
    "sre": (
        "Site Reliability Engineer",
        "Infrastructure",
        "You make sure that a payment which was confirmed stays confirmed, whatever fails underneath.",
        ("Define service levels with the teams and hold them", "Lead incident reviews without blame"),
        ("Linux, networks, PostgreSQL in production", "An on-call rota of six weeks suits you"),
    ),
    "data": (
        "Data Engineer",
        "Data",
        "You bring order to the measurements of 80,000 heat pumps, so that analysts trust what they query.",
        ("Design batch and streaming pipelines", "Own the quality checks and their alarms"),
        ("SQL you are proud of, Python, one orchestrator known well", "A feeling for units and time zones"),
    ),
    "analyst": (
        "Product Analyst",
        "Data",
        "You answer questions that change what we build, and you say so when the data can't answer them.",
        ("Design experiments with product managers", "Keep the dashboards few and right"),
        ("Statistics beyond the t-test", "You explain a confidence interval in one sentence"),
    ),
    "frontend": (
        "Frontend Engineer, Design System",
        "Product",
        "You maintain the components that every screen of our product is made of.",
        ("Build accessible components in TypeScript", "Help teams to move to the new grid"),
        ("Deep knowledge of CSS and ARIA", "You enjoy documentation"),
    ),
    "backend": (
        "Backend Engineer, Billing",
        "Product",
        "You work on the part of the system that nobody may notice: invoices that are right.",
        ("Design APIs for prices and contracts", "Replace a nightly batch by events, step by step"),
        ("Python or Kotlin, relational databases", "You read a specification to its end"),
    ),
    "pm": (
        "Product Manager, Fleet",
        "Product",
        "You decide with engineers and dispatchers what our fleet software does next.",
        ("Spend a day a week with dispatchers", "Write the one-page brief before anything is built"),
        ("You have shipped software for professionals", "You can say no kindly"),
    ),
    "designer": (
        "Product Designer",
        "Design",
        "You shape tools for nurses who have eleven seconds to look at a screen.",
        ("Prototype with users on the ward", "Keep the pattern library honest"),
        ("A portfolio with reasons in it", "Experience in health care is welcome, curiosity is required"),
    ),
    "security": (
        "Application Security Engineer",
        "Security",
        "You find the hole before others do, and you help to close it without a meeting.",
        ("Review designs and code of risky changes", "Run the disclosure programme"),
        ("You know the usual ten by heart and the unusual ones by experience", "Python or Go"),
    ),
    "nurse": (
        "Clinical Specialist (RN)",
        "Clinical",
        "You bring our software to hospitals and bring their questions back to us.",
        ("Train ward teams", "Write the clinical part of our release notes"),
        ("Registered nurse with three years on a ward", "You travel two days a week"),
    ),
    "recruiter": (
        "Technical Recruiter",
        "People",
        "You find engineers who stay, and you answer everyone who applies.",
        ("Run searches with hiring managers", "Keep time-to-answer below five days"),
        ("Two years of hiring engineers", "English, and one more language"),
    ),
    "account": (
        "Account Executive, Mid-Market",
        "Sales",
        "You advise logistics companies on automation, with numbers that hold after the signature.",
        ("Own the cycle from first call to contract", "Forecast what will close, not what might"),
        ("Four years in software or machinery sales", "You like warehouses"),
    ),
    "support": (
        "Customer Support Engineer",
        "Support",
        "You solve what the manual doesn't, and then you change the manual.",
        ("Reproduce and fix customers' problems", "Write articles that make tickets unnecessary"),
        ("SQL, HTTP and log files are familiar", "You write the way you speak"),
    ),
    "intern": (
        "Internship: Simulation",
        "Engineering",
        "For six months you work on the simulator in which our robots learn not to block a door.",
        ("Add sensors and faults to the simulator", "Compare simulated and real runs"),
        ("Enrolled in computer science, physics or similar", "First experience with Python"),
    ),
    "finance": (
        "Financial Controller",
        "Finance",
        "You close the books in five days and tell us what they mean.",
        ("Month-end close under IFRS", "Build the forecast with the heads of departments"),
        ("Five years in controlling or audit", "You automate what you do twice"),
    ),
    "legal": (
        "Commercial Counsel",
        "Legal",
        "You write contracts that both sides can read.",
        ("Negotiate customer and supplier contracts", "Advise product teams on data protection"),
        ("Admitted to practise, four years in a company or firm", "Plain English"),
    ),
    "logistics": (
        "Logistics Planner",
        "Operations",
        "You plan the routes of 300 vans so that drivers are home when they said.",
        ("Plan tours with our own optimiser", "Feed back to its developers where it is wrong"),
        ("Experience in dispatching", "Calm at six in the morning"),
    ),
    "ml": (
        "Machine Learning Engineer, Forecasting",
        "Data",
        "You forecast the load of a distribution grid a day ahead, quarter hour by quarter hour.",
        ("Develop and operate forecasting models", "Measure them against what was known at the time"),
        ("Time series in production", "You distrust a backtest that looks too good"),
    ),
    "embedded": (
        "Embedded Software Engineer",
        "Engineering",
        "You write the firmware of our gateways, which are updated over networks that come and go.",
        ("Develop in C and Rust on small Linux systems", "Design updates that can't brick a device"),
        ("You have shipped firmware to devices you couldn't touch any more", "Git, Yocto, a logic analyser"),
    ),
}

PLACES: Final = {
    "Berlin, Germany": ("Berlin", "Berlin", "Germany"),
    "Munich, Germany": ("Munich", "Bavaria", "Germany"),
    "Utrecht, Netherlands": ("Utrecht", "Utrecht", "Netherlands"),
    "Lisbon, Portugal": ("Lisbon", "Lisbon", "Portugal"),
    "Toronto, Canada": ("Toronto", "Ontario", "Canada"),
    "Boston, MA": ("Boston", "Massachusetts", "United States"),
    "Denver, CO": ("Denver", "Colorado", "United States"),
    "London, United Kingdom": ("London", "England", "United Kingdom"),
}

# (role, places, workplace, (pay from, to, currency, unit) or None, commitment, day of 2026 it was posted)
Opening = tuple[str, tuple[str, ...], str, tuple[int, int, str, str] | None, str, str]

ACME: Final[tuple[Opening, ...]] = (
    ("controls", ("Boston, MA",), "onsite", (128000, 165000, "USD", "Annual"), "Full-time", "09-14"),
    ("perception", ("Boston, MA", "Toronto, Canada"), "hybrid", (155000, 198000, "USD", "Annual"), "Full-time", "10-02"),
    ("fieldservice", ("Denver, CO",), "onsite", (34, 46, "USD", "Hourly"), "Full-time", "10-19"),
    ("account", ("Remote - US",), "remote", (90000, 120000, "USD", "Annual"), "Full-time", "08-27"),
    ("intern", ("Toronto, Canada",), "onsite", (28, 32, "CAD", "Hourly"), "Intern", "11-03"),
    ("support", ("Remote - US",), "remote", None, "Full-time", "10-28"),
    ("pm", ("Boston, MA",), "hybrid", (140000, 175000, "USD", "Annual"), "Full-time", "09-30"),
    ("recruiter", ("Hybrid",), "hybrid", None, "Part-time", "11-09"),
)
GLOBEX: Final[tuple[Opening, ...]] = (
    ("data", ("Munich, Germany",), "hybrid", (68000, 84000, "EUR", "Annual"), "Full-time", "10-12"),
    ("ml", ("Munich, Germany", "Lisbon, Portugal"), "hybrid", (78000, 96000, "EUR", "Annual"), "Full-time", "10-21"),
    ("embedded", ("Munich, Germany",), "onsite", None, "Full-time", "07-30"),
    ("finance", ("Munich, Germany",), "onsite", None, "Full-time", "09-08"),
    ("legal", ("Utrecht, Netherlands",), "hybrid", None, "Part-time", "10-30"),
)
INITECH: Final[tuple[Opening, ...]] = (
    ("backend", ("London, United Kingdom",), "hybrid", (72000, 91000, "GBP", "per-year-salary"), "Full-time", "10-06"),
    ("sre", ("Remote - Europe", "Lisbon, Portugal"), "remote", (69000, 88000, "EUR", "per-year-salary"), "Full-time", "11-11"),
    ("security", ("London, United Kingdom", "Berlin, Germany"), "hybrid", None, "Full-time", "09-22"),
    ("frontend", ("Remote - Europe",), "remote", (61000, 79000, "EUR", "per-year-salary"), "Full-time", "10-15"),
    ("analyst", ("Berlin, Germany",), "unspecified", None, "Full-time", "08-18"),
    ("finance", ("London, United Kingdom",), "on-site", None, "Contractor", "11-16"),
)
UMBRA: Final[tuple[Opening, ...]] = (
    ("nurse", ("Denver, CO", "Boston, MA"), "on-site", (38, 52, "USD", "per-hour-wage"), "Full-time", "11-02"),
    ("designer", ("Remote - US",), "remote", (118000, 146000, "USD", "per-year-salary"), "Full-time", "10-08"),
    ("backend", ("Remote - US",), "remote", (135000, 168000, "USD", "per-year-salary"), "Full-time", "10-26"),
    ("support", ("Denver, CO",), "hybrid", None, "Part-time", "09-04"),
    ("legal", ("Boston, MA",), "hybrid", None, "Full-time", "07-14"),
)
HOOLI: Final[tuple[Opening, ...]] = (
    ("platform", ("Berlin, Germany", "Lisbon, Portugal"), "Hybrid", (75000, 98000, "EUR", "1 YEAR"), "FullTime", "10-01"),
    ("sre", ("Remote, Europe",), "Remote", (72000, 94000, "EUR", "1 YEAR"), "FullTime", "10-22"),
    ("frontend", ("Berlin, Germany",), "Hybrid", None, "FullTime", "09-17"),
    ("security", ("Remote, Europe",), "Remote", (80000, 104000, "EUR", "1 YEAR"), "FullTime", "11-05"),
    ("analyst", ("Lisbon, Portugal",), "OnSite", None, "Contract", "10-13"),
    ("recruiter", ("Berlin, Germany",), "Hybrid", (2600, 3100, "EUR", "1 MONTH"), "PartTime", "11-12"),
    ("pm", ("Berlin, Germany",), "Hybrid", None, "FullTime", "08-31"),
)
VANDELAY: Final[tuple[Opening, ...]] = (
    ("logistics", ("Utrecht, Netherlands",), "OnSite", (3200, 3900, "EUR", "1 MONTH"), "FullTime", "10-20"),
    ("data", ("Utrecht, Netherlands",), "Hybrid", None, "FullTime", "09-25"),
    ("account", ("London, United Kingdom",), "Hybrid", (55000, 70000, "GBP", "1 YEAR"), "FullTime", "10-29"),
    ("intern", ("Utrecht, Netherlands",), "Hybrid", None, "Intern", "11-13"),
    ("ml", ("Remote, Netherlands",), "Remote", None, "FullTime", "11-06"),
)

INTRODUCTIONS: Final = {
    "Acme Robotics": "Acme Robotics builds mobile robots for warehouses. 240 people in Boston, Toronto and Denver.",
    "Globex Energy": "Globex Energy runs 80,000 heat pumps as one power plant, from Munich, Lisbon and Utrecht.",
    "Initech": "Initech makes billing software that other companies trust with their invoices. 400 people, most in Europe.",
    "Umbra Health": "Umbra Health writes software for hospital wards in eleven American states.",
    "Hooli": "Hooli hosts the software of 9,000 small companies & looks after it. Berlin, Lisbon and wherever you are.",
    "Vandelay Logistics": "Vandelay Logistics delivers to every postcode of the Netherlands and England before seven.",
}
BENEFITS: Final = "We answer every application within ten days. Pay, days off and the next steps are in the first conversation."


def number_of(*words: str) -> int:
    """Return a stable number for a posting."""
    return int.from_bytes(hashlib.sha256("/".join(words).encode()).digest()[:4], "big") % 9_000_000 + 1_000_000


def uuid_of(*words: str) -> str:
    """Return a stable identifier in the form of a UUID."""
    digits = hashlib.sha256("/".join(words).encode()).hexdigest()
    return "-".join((digits[:8], digits[8:12], "4" + digits[13:16], "a" + digits[17:20], digits[20:32]))


def description(company: str, role: Role) -> str:
    """Return the HTML of a posting."""
    _, _, summary, duties, needs = role
    parts = [f"<p>{html.escape(INTRODUCTIONS[company], quote=False)}</p>", f"<p>{summary}</p>", "<h3>What you will do</h3>"]
    parts += [items(duties), "<h3>What you bring</h3>", items(needs), f"<p>{BENEFITS}</p>"]
    return "\n".join(parts)


def items(lines: tuple[str, ...]) -> str:
    """Return a list in HTML."""
    return "<ul>" + "".join(f"<li>{line}</li>" for line in lines) + "</ul>"


def greenhouse(company: str, token: str, openings: tuple[Opening, ...]) -> Any:
    """Return what Greenhouse answers."""
    jobs = []
    for key, places, workplace, pay, _, day in openings:
        title, department, *_ = role = ROLES[key]
        number = number_of(token, key)
        place = "; ".join(places)
        if workplace == "hybrid" and place != "Hybrid":
            place = f"{place} (hybrid)" if len(places) == 1 else place
        jobs.append(
            {
                "id": number,
                "internal_job_id": number - 1_000_000,
                "title": title,
                "absolute_url": f"https://job-boards.greenhouse.io/{token}/jobs/{number}",
                "updated_at": f"2026-{day}T15:20:00-04:00",
                "first_published": f"2026-{day}T09:00:00-04:00",
                "application_deadline": None,
                "requisition_id": f"R-{number % 1000}",
                "company_name": company,
                "language": "en",
                "location": {"name": place},
                "metadata": None,
                "data_compliance": [],
                "departments": [{"id": number_of(token, department), "name": department, "child_ids": [], "parent_id": None}],
                "offices": [office(token, name) for name in (places if place != "Hybrid" else ("Boston, MA",))],
                "content": html.escape(description(company, role), quote=True),
                "pay_input_ranges": [pay_range(*pay)] if pay else [],
            }
        )
    return {"jobs": jobs, "meta": {"total": len(jobs)}}


def office(token: str, place: str) -> dict[str, Any]:
    """Return an office of Greenhouse."""
    return {
        "id": number_of(token, place),
        "name": place.partition(",")[0],
        "location": place,
        "child_ids": [],
        "parent_id": None,
    }


def pay_range(low: int, high: int, currency: str, period: str) -> dict[str, Any]:
    """Return a pay range of Greenhouse, in cents."""
    title = f"{period} pay range"
    return {"min_cents": low * 100, "max_cents": high * 100, "currency_type": currency, "title": title, "blurb": ""}


def lever(company: str, token: str, openings: tuple[Opening, ...]) -> Any:
    """Return what Lever answers."""
    return [lever_posting(company, token, opening) for opening in openings]


def lever_posting(company: str, token: str, opening: Opening) -> dict[str, Any]:
    """Return a posting of Lever; the requirements stand in `lists`."""
    key, places, workplace, pay, commitment, day = opening
    title, team, summary, duties, needs = ROLES[key]
    posting_id = uuid_of(token, key)
    posted = f"2026-{day}T10:00:00"
    introduction = f"<div>{html.escape(INTRODUCTIONS[company], quote=False)}</div><div>{summary}</div>"
    row: dict[str, Any] = {
        "id": posting_id,
        "text": title,
        "hostedUrl": f"https://jobs.lever.co/{token}/{posting_id}",
        "applyUrl": f"https://jobs.lever.co/{token}/{posting_id}/apply",
        "createdAt": milliseconds(posted),
        "categories": {"commitment": commitment, "location": places[0], "team": team, "allLocations": list(places)},
        "country": None,
        "workplaceType": workplace,
        "description": introduction,
        "descriptionPlain": f"{INTRODUCTIONS[company]}\n{summary}\n",
        "lists": [
            {"text": "What you will do", "content": "".join(f"<li>{line}</li>" for line in duties)},
            {"text": "What you bring", "content": "".join(f"<li>{line}</li>" for line in needs)},
        ],
        "additional": f"<div>{BENEFITS}</div>",
        "additionalPlain": BENEFITS,
    }
    if pay:
        low, high, currency, interval = pay
        row["salaryRange"] = {"currency": currency, "min": low, "max": high, "interval": interval}
    return row


def milliseconds(when: str) -> int:
    """Return milliseconds since the epoch."""
    from datetime import UTC, datetime

    return int(datetime.fromisoformat(when).replace(tzinfo=UTC).timestamp() * 1000)


def ashby(company: str, token: str, openings: tuple[Opening, ...]) -> Any:
    """Return what Ashby answers; the last posting isn't listed any more."""
    jobs = [ashby_posting(company, token, opening) for opening in openings]
    return {"jobs": [*jobs[:-1], {**jobs[-1], "isListed": False}], "apiVersion": "1"}


def ashby_posting(company: str, token: str, opening: Opening) -> dict[str, Any]:
    """Return a posting of Ashby."""
    key, places, workplace, pay, employment, day = opening
    role = ROLES[key]
    posting_id = uuid_of(token, key)
    return {
        "id": posting_id,
        "title": role[0],
        "department": role[1],
        "team": role[1],
        "employmentType": employment,
        "location": places[0],
        "secondaryLocations": [{"location": place, "address": address(place)} for place in places[1:]],
        "publishedAt": f"2026-{day}T08:30:00.000+00:00",
        "isListed": True,
        "isRemote": workplace != "OnSite",
        "workplaceType": workplace,
        "address": address(places[0]),
        "jobUrl": f"https://jobs.ashbyhq.com/{token}/{posting_id}",
        "applyUrl": f"https://jobs.ashbyhq.com/{token}/{posting_id}/application",
        "descriptionHtml": description(company, role),
        "descriptionPlain": f"{INTRODUCTIONS[company]}\n\n{role[2]}",
        "shouldDisplayCompensationOnJobPostings": pay is not None,
        "compensation": compensation(*pay) if pay else None,
    }


def address(place: str) -> dict[str, Any] | None:
    """Return an address of Ashby for places that are one."""
    if place not in PLACES:
        return None
    locality, region, country = PLACES[place]
    return {"postalAddress": {"addressLocality": locality, "addressRegion": region, "addressCountry": country}}


def compensation(low: int, high: int, currency: str, interval: str) -> dict[str, Any]:
    """Return the pay of Ashby."""
    component = {
        "compensationType": "Salary",
        "interval": interval,
        "currencyCode": currency,
        "minValue": low,
        "maxValue": high,
    }
    summary = f"{currency} {low:,} - {high:,}"
    tier = {"id": uuid_of(summary), "tierSummary": summary, "title": None, "components": [{**component, "summary": summary}]}
    return {
        "compensationTierSummary": summary,
        "scrapeableCompensationSalarySummary": summary,
        "compensationTiers": [tier],
        "summaryComponents": [component],
    }


Answered = tuple[str, str, str, int, Any]
COMPANIES: Final[tuple[Answered, ...]] = (
    ("Acme Robotics", "greenhouse", "acmerobotics", 200, greenhouse("Acme Robotics", "acmerobotics", ACME)),
    ("Globex Energy", "greenhouse", "globexenergy", 200, greenhouse("Globex Energy", "globexenergy", GLOBEX)),
    ("Initech", "lever", "initech", 200, lever("Initech", "initech", INITECH)),
    ("Umbra Health", "lever", "umbrahealth", 200, lever("Umbra Health", "umbrahealth", UMBRA)),
    ("Hooli", "ashby", "hooli", 200, ashby("Hooli", "hooli", HOOLI)),
    ("Vandelay Logistics", "ashby", "vandelay", 200, ashby("Vandelay Logistics", "vandelay", VANDELAY)),
    ("Soylent Foods", "greenhouse", "soylentfoods", 404, {"status": 404, "error": "Job not found"}),
    ("Massive Dynamic", "ashby", "massivedynamic", 500, {"error": "Internal server error"}),
)


def requests(board: str, token: str) -> Iterator[Request]:
    """Yield what a board asks first, and what it asks after a 404 (Lever's other region)."""
    adapter = find_board(board)
    assert adapter is not None
    steps = adapter.postings(Source(token), Collector(adapter, Source(token)))
    yield next(steps)
    steps.close()


def recorded(request: Request, status: int, body: Any) -> Mapping[str, Any]:
    """Return an entry of a HAR, as `record:` writes it."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    call = Call(request.method, request.url, {"accept": "application/json"})
    reply = Reply(status, {"content-type": "application/json; charset=utf-8"}, text, len(text))
    return entry(call, reply, RECORDED_AT.timestamp(), 120)


def main() -> None:
    """Write boards.har beside this file."""
    entries = [
        recorded(request, status, body) for _, board, token, status, body in COMPANIES for request in requests(board, token)
    ]
    comment = "Invented companies and postings; written by examples/make_har.py."
    log = {"version": "1.2", "creator": {"name": "orchestrate", "version": "1"}, "comment": comment, "entries": entries}
    target = Path(__file__).with_name("boards.har")
    target.write_text(json.dumps({"log": log}, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

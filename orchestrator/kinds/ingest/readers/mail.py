"""E-mail (RFC 5322, MIME): the subject as title, a few headers as metadata, the text or HTML body; attachments are left out."""

from __future__ import annotations

from email import message_from_bytes
from email.errors import MessageError
from email.message import EmailMessage
from email.policy import default
from typing import Final

from orchestrator.kinds.ingest.document import Heading, Parsed, Unreadable
from orchestrator.kinds.ingest.readers import BROKEN, Limits

_HEADERS: Final = ("From", "To", "Date")


def read_mail(name: str, data: bytes, limits: Limits) -> Parsed:
    """Return a message. Raises Unreadable if it has no headers or no body that is text."""
    del name, limits
    try:
        message = message_from_bytes(data, _class=EmailMessage, policy=default)
        body = message.get_body(("plain", "html"))
        content = body.get_content() if body is not None else ""
        subject = _header(message, "Subject")
        headers = {key.lower(): value[:1000] for key in _HEADERS if (value := _header(message, key))}
    except (*BROKEN, MessageError) as error:
        raise Unreadable(f"the message can't be read: {type(error).__name__}", code="unreadable-mail") from None
    if not headers and not subject:
        raise Unreadable("the content is no e-mail: it has no headers", code="unreadable-mail")
    if body is not None and body.get_content_type() == "text/html":
        from orchestrator.kinds.ingest.readers.html import parse_html

        content = parse_html(content).text
    title = subject or None
    text = f"{subject}\n\n{content}" if subject else content
    return Parsed(text, title, (Heading(0, 1, subject),) if subject else (), 0, headers)


def _header(message: EmailMessage, name: str) -> str:
    """Return a header, decoded; as it was written if it is one that the standard library stumbles over."""
    try:
        return str(message.get(name, "")).strip()
    except (*BROKEN, MessageError):
        return next((str(value).strip() for each, value in message.raw_items() if each.lower() == name.lower()), "")

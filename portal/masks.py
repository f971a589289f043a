"""Personal data as those see it who need no more: enough to recognise, not enough to write to anybody."""

from __future__ import annotations

import re
from typing import Any

#: Attributes of a customer that are hidden, and how.
PERSONAL = (
    "given_name",
    "surnames",
    "email",
    "emails",
    "phone",
    "phones",
    "tax_id",
    "birth_date",
    "street",
    "postcode",
)


def mask(attribute: str, value: Any) -> Any:
    """Return a value of an attribute with what identifies taken out; None stays None."""
    if value is None:
        return None
    if isinstance(value, list | tuple):
        return [mask(attribute.removesuffix("s"), one) for one in value]
    text = str(value)
    if attribute == "email":
        local, _, host = text.partition("@")
        name, _, top = host.rpartition(".")
        return f"{local[:1]}***@{name[:1]}***.{top}" if host else "***"
    if attribute == "phone":
        return f"{text[:3]} ··· {text[-2:]}" if len(text) > 6 else "···"
    if attribute in ("given_name", "surnames", "name"):
        return " ".join(f"{word[:1]}***" for word in text.split())
    if attribute == "birth_date":
        return f"{text[:4]}-··-··"
    if attribute in ("tax_id", "street", "postcode"):
        return f"{text[:1]}···" if text else text
    return value


def without_personal_data(text: str) -> str:
    """Return a free text with e-mails and long numbers hidden: people write their phone into comments."""
    text = re.sub(r"[\w.+-]+@[\w-]+\.[\w.]+", "***@***", text)
    return re.sub(r"\+?\d[\d ()-]{6,}\d", "···", text)

"""The table of all declared sources in `docs/sources.md`, made from the declarations."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from quality.contract import Contract, load_contracts
from warehouse import files
from warehouse.settings import ROOMS

PAGE = ROOMS / "docs" / "sources.md"
START, END = "<!-- catalogue: made by `cdp source docs` -->", "<!-- end of the catalogue -->"


def catalogue(contracts: dict[str, Contract]) -> str:
    """Return the table in Markdown, one section a system."""
    systems: dict[str, list[Contract]] = defaultdict(list)
    for contract in contracts.values():
        systems[contract.source].append(contract)
    parts = [f"{len(contracts)} tables of {len(systems)} systems.", ""]
    parts += [
        "| table | what | files | format | load | key | people | personal columns |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for system in sorted(systems):
        for contract in systems[system]:
            personal = ", ".join(f"`{n}`" for n, c in contract.columns.items() if c.holds_personal_data)
            cells = [
                f"`{contract.name}`", contract.description, f"`{contract.path}`" + (f" » `{contract.member}`" if contract.member else ""),
                _format(contract), contract.load + (f" by `{contract.window}`" if contract.window else ""),
                ", ".join(f"`{k}`" for k in contract.key), "yes" if contract.identifies == "person" else "", personal,
            ]  # fmt: skip
            parts.append("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |")
    return "\n".join(parts) + "\n"


def _format(contract: Contract) -> str:
    if contract.format != "csv":
        return contract.format
    mark = {"\t": "tab", ",": "comma", ";": "semicolon"}.get(contract.delimiter, contract.delimiter)
    return f"csv, {mark}, {contract.encoding}" + (", decimal comma" if contract.decimal == "," else "")


def _page(text: str) -> str:
    before, _, rest = text.partition(START)
    _, _, after = rest.partition(END)
    shipped = load_contracts((ROOMS / "ingest" / "sources",))
    return f"{before}{START}\n\n{catalogue(shipped)}\n{END}{after}"


def is_current(page: Path = PAGE) -> bool:
    """Tell whether the page says what the declarations say."""
    text = page.read_text(encoding="utf-8")
    return text == _page(text)


def write_catalogue(page: Path = PAGE) -> int:
    """Write the table into the page and return how many tables it has."""
    files.write_bytes(page, _page(page.read_text(encoding="utf-8")).encode())
    return len(load_contracts((ROOMS / "ingest" / "sources",)))

"""Read an unknown export and draft its declaration: format, encoding, dialect, types, likely keys, roles, personal data.

In: a file. Out: the text of a YAML declaration with a comment where a person must decide. What stays true: the draft is valid,
and the file that it was made from passes it; a value of the file never stands in the draft.
"""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from ingest.readers import content
from quality.casts import cast
from quality.contract import Contract
from warehouse.errors import CdpError, RefusedFile

#: Rows that are looked at.
SAMPLE_ROWS = 5000
SAMPLE_BYTES = 4 * 1024 * 1024

DATES = ("%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%Y%m%d", "%d-%m-%Y", "%d.%m.%Y", "%Y/%m/%d")
TIMES = ("iso8601", "%Y-%m-%d %H:%M:%S %z", "%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M", "%m/%d/%Y %H:%M:%S",
         "%a, %d %b %Y %H:%M:%S %z")  # fmt: skip
NULLS = ("NULL", "null", "N/A", "NA", "#N/A", "--", "n/a", "None", "00000000", "\\N")

#: What a header's words say about its column, most telling first; Spanish, English and SAP.
ROLES: tuple[tuple[str, str], ...] = (
    (r"^(e[-_ ]?mail|correo|smtp_addr|email_address|correo_electronico)", "email"),
    (r"(^|_)(phone|tel|telefono|movil|mobile|celular|telf1|whatsapp|ani)(_|$|no|number)", "phone"),
    (r"^(tax_?id|rfc|nif|nie|cif|dni|cuit|rut|nit|curp|vat|stcd1|crfc|taxvat|tax_number)$", "tax_id"),
    (r"(birth_?date|date_of_birth|dob|fecha_(de_)?nacimiento|nacimiento)", "birth_date"),
    (r"^(first_?name|given_?name|nombre|nombres|firstname|fname)$", "given_name"),
    (r"^(last_?name|surname|family_?name|apellidos?|lastname|lname)$", "family_name"),
    (r"^(full_?name|name1|razon_social|customer_name|nombre_completo|crazonsocial|display_?name)$", "full_name"),
    (r"(street|address_?1|direccion|calle|stras|domicilio|address_line)", "street"),
    (r"^(city|ciudad|ort01|poblacion|localidad|municipio|town)$", "city"),
    (r"(post_?code|postal|zip|pstlz|codigo_postal|^cp$)", "postcode"),
    (r"^(state|region|province|provincia|estado|regio|departamento)$", "region"),
    (r"^(country|pais|land1|country_code|pais_region)$", "country"),
    (r"(updated|modified|changed|last_?mod|write_date|modificacion|system_?modstamp)", "observed_at"),
    (r"(comment|comentario|notes?$|description|texto|mensaje|opinion)", "text"),
    (r"^(company|empresa|organi[sz]ation|account_name)$", "company"),
)
KEYS = re.compile(
    r"(^|_)(id|number|num|numero|no|nr|code|codigo|key|uuid|sid|kunnr|vbeln|matnr|belnr|sku|folio)$|^#$|^(id|no|cod)(_|$)"
)
SECRETS = re.compile(r"(password|passwd|contrasena|token|secret|api_?key|card_?number|cvv|ssn)", re.I)


@dataclass
class _Sample:
    """What a file looks like: its format, how it is written, and some rows as text."""

    format: str
    options: dict[str, Any] = field(default_factory=dict)
    headers: list[str] = field(default_factory=list)
    rows: list[list[str | None]] = field(default_factory=list)
    paths: bool = False


def draft(path: Path, source: str, table: str) -> str:
    """Return a declaration for a person to edit.

    Raises:
        RefusedFile: the file is empty or of a format that is not read.
        CdpError: its first rows cannot be understood.
    """
    sample = _look(path)
    if not sample.headers:
        raise CdpError(f"{path.name}: no columns were found. Is it an export?")
    columns, facts = _columns(sample)
    declared: dict[str, Any] = {
        "source": source, "table": table, "description": f"What {path.name} holds.", "path": f"{source}/{_glob(path.name)}",
        "grain": "one row per " + (" and ".join(facts["key"]) or "line"), "key": facts["key"] or [next(iter(columns))], "load": "full",
        "format": sample.format, **sample.options, **facts["options"],
    }  # fmt: skip
    if declared["format"] == "csv":
        del declared["format"]
    roles = {c.get("role") for c in columns.values()}
    if roles & {"email", "phone", "tax_id"} and roles & {"full_name", "given_name", "family_name"}:
        declared["identifies"] = "person"
    declared |= {"fresh_within": "36h", "columns": columns}
    try:
        Contract.model_validate(declared)
    except ValueError as error:
        raise CdpError(
            f"{path.name}: no valid declaration could be drafted: {str(error).splitlines()[2].strip()}"
        ) from None
    return _written(declared, facts["why"], path.name)


def _look(path: Path) -> _Sample:
    if path.is_dir():
        raise RefusedFile(f"{path.name}: is a directory, expected a file.")
    if not path.stat().st_size:
        raise RefusedFile(f"{path.name}: is empty (0 bytes), expected an export.")
    with path.open("rb") as handle:
        head = handle.read(8)
    if head[:4] == b"PAR1":
        frame = pl.read_parquet(path, n_rows=SAMPLE_ROWS)
        texts = frame.select(pl.all().cast(pl.String, strict=False))
        return _Sample("parquet", {}, frame.columns, [list(row) for row in texts.iter_rows()])
    if head[:4] == content.ZIP and path.suffix.lower() in (".xlsx", ".xlsm"):
        return _workbook(path)
    if head[:4] == content.ZIP:
        names = content.members_of(path, "*", path.name)
        raise CdpError(
            f"{path.name}: is an archive of {len(names)} files. Unpack it and draft each; 'member:' names a table's file in it."
        )
    with path.open("rb") as handle:
        data = b""
        for piece in content.expanded(handle, path.stat().st_size, path.name):
            data += piece
            if len(data) > SAMPLE_BYTES:
                break
    return _text(data, path.name, len(data) <= SAMPLE_BYTES)


def _workbook(path: Path) -> _Sample:
    from python_calamine import CalamineWorkbook

    book = CalamineWorkbook.from_path(path)
    rows = book.get_sheet_by_index(0).to_python(skip_empty_area=False, nrows=SAMPLE_ROWS)
    at = next((i for i, row in enumerate(rows) if sum(bool(str(c).strip()) for c in row) > max(len(row) // 2, 1)), 0)
    headers = [str(c).strip() for c in rows[at]]
    options: dict[str, Any] = {"header_row": at + 1} if at else {}
    if len(book.sheet_names) > 1:
        options["sheet"] = book.sheet_names[0]
    body = [
        [("" if c is None else str(int(c)) if isinstance(c, float) and c.is_integer() else str(c)) for c in row]
        for row in rows[at + 1 :]
    ]
    return _Sample("xlsx", options, headers, [list(r) for r in body])


def _text(data: bytes, file: str, is_whole: bool) -> _Sample:
    options: dict[str, Any] = {}
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encoding, text = "utf-16", data[: len(data) // 2 * 2].decode("utf-16", errors="ignore")
    else:
        try:
            cut = data if is_whole else data[: data.rfind(b"\n") + 1] or data
            encoding, text = "utf-8", cut.decode("utf-8-sig")
        except UnicodeError:
            encoding, text = "windows-1252", data.decode("cp1252", errors="replace")
    if encoding != "utf-8":
        options["encoding"] = encoding
    start = text.lstrip("\ufeff \t\r\n")
    if start[:1] in "{[":
        return _json(start, options, file)
    if start[:5].lower() == "<?xml" or re.match(r"<[a-z]\w*[\s>]", start, re.I):
        return _xml(start, file)
    return _delimited(text, options)


def _json(text: str, options: dict[str, Any], file: str) -> _Sample:
    first = text.split("\n", 1)[0]
    try:
        single = json.loads(first)
        holds_a_list = isinstance(single, dict) and any(
            isinstance(v, list) and v and isinstance(v[0], dict) for v in single.values()
        )
        if isinstance(single, dict) and (text.count("\n{") or (text.strip() == first.strip() and not holds_a_list)):
            found = []
            for line in text.split("\n")[:SAMPLE_ROWS]:
                try:
                    found.append(json.loads(line))
                except ValueError:
                    continue
            return _records("jsonl", options, [r for r in found if isinstance(r, dict)])
    except ValueError:
        pass
    try:
        document = json.loads(text)
    except ValueError:
        raise CdpError(
            f"{file}: looks like JSON, but is no whole document within its first 4 MB. Draft a smaller export."
        ) from None
    if isinstance(document, dict):
        lists = {k: v for k, v in document.items() if isinstance(v, list) and v and isinstance(v[0], dict)}
        if not lists:
            return _records("json", options, [document])
        name = max(lists, key=lambda k: len(lists[k]))
        return _records("json", {**options, "records": name}, lists[name])
    return _records("json", options, [r for r in document if isinstance(r, dict)])


def _records(kind: str, options: dict[str, Any], records: list[dict[str, Any]]) -> _Sample:
    paths: dict[str, None] = {}

    def walk(value: Any, at: str) -> Iterator[tuple[str, str]]:
        if isinstance(value, dict) and value:
            for key, inner in value.items():
                yield from walk(inner, f"{at}.{key}" if at else key)
        else:
            yield at, "" if value is None else value if isinstance(value, str) else json.dumps(value)

    flat = [dict(walk(record, "")) for record in records[:SAMPLE_ROWS]]
    for row in flat:
        paths.update(dict.fromkeys(row))
    headers = [p for p in paths if p and "{" not in p]
    return _Sample(kind, options, headers, [[row.get(h) for h in headers] for row in flat], paths=True)


def _xml(text: str, file: str) -> _Sample:
    """Find the element that repeats below one parent, and flatten what stands in it."""
    from xml.etree.ElementTree import Element, ParseError

    from defusedxml.ElementTree import iterparse

    root: Element | None = None
    try:
        for event, element in iterparse(io.BytesIO(text.encode()), events=("start", "end"), forbid_dtd=True):
            root = element if root is None and event == "start" else root
    except ParseError:
        pass  # the sample ends in the middle of the document
    if root is None:
        raise CdpError(f"{file}: begins like XML, but is none.")

    def local(tag: str) -> str:
        return tag.rpartition("}")[2]

    repeated = Counter(local(child.tag) for parent in root.iter() for child in parent if len(child) or child.attrib)
    if not repeated or repeated.most_common(1)[0][1] < 2:
        raise CdpError(f"{file}: is XML with no element that repeats, so there are no rows in it.")
    tag = repeated.most_common(1)[0][0]

    def flat(element: Element, at: str) -> Iterator[tuple[str, str]]:
        yield from ((f"{at}@{local(k)}", v) for k, v in element.attrib.items())
        for child in element:
            yield from flat(child, f"{at}{local(child.tag)}/")
        if at and not len(element) and (element.text or "").strip():
            yield at.rstrip("/"), (element.text or "").strip()

    rows = [dict(flat(e, "")) for e in root.iter() if local(e.tag) == tag][:SAMPLE_ROWS]
    headers = list(dict.fromkeys(k for r in rows for k in r))
    return _Sample("xml", {"records": tag}, headers, [[r.get(h) for h in headers] for r in rows], paths=True)


def _delimited(text: str, options: dict[str, Any]) -> _Sample:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")[: SAMPLE_ROWS + 50]
    best, score = ",", -1.0
    for mark in (",", ";", "\t", "|"):
        widths = [len(next(csv.reader([line], delimiter=mark), [])) for line in lines[:200] if line.strip()]
        if not widths:
            continue
        usual = max(set(widths), key=widths.count)
        found = widths.count(usual) / len(widths) * (usual > 1) * min(usual, 20)
        if found > score:
            best, score = mark, found
    has_breaks = bool(re.search(r'"[^"\n]*\n[^"]*"', "\n".join(lines[:400]))) and any(
        line.count('"') % 2 for line in lines[:400]
    )
    reader = csv.reader(lines if not has_breaks else iter(text.splitlines(keepends=True)), delimiter=best)
    rows = [row for _, row in zip(range(SAMPLE_ROWS + 20), reader, strict=False)]
    filled = [row for row in rows[:200] if row]
    usual = max({len(r) for r in filled}, key=[len(r) for r in filled].count)
    at = next(i for i, row in enumerate(rows) if len(row) == usual)
    if best != ",":
        options["delimiter"] = best
    if at:
        options["header_row"] = at + 1
    if has_breaks:
        options["multiline"] = True
    body = [row for row in rows[at + 1 :] if len(row) == usual]
    last = next((row for row in reversed(rows) if row), [])
    if (last and len(last) != usual) or (last and re.match(r"(?i)\s*(total|suma|grand total)\b", last[0])):
        options["footer"] = {"pattern": '^"?(Total|Suma|Grand total)'}
        body = [row for row in body if not re.match(r"(?i)\s*(total|suma|grand total)\b", row[0])]
    return _Sample("csv", options, [h.strip().strip("\ufeff") for h in rows[at]], [list(r) for r in body])


def _columns(sample: _Sample) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    columns: dict[str, dict[str, Any]] = {}
    why: dict[str, str] = {}
    options: dict[str, Any] = {}
    dates: list[str] = []
    times: list[str] = []
    tokens: set[str] = set()
    values: dict[str, list[str]] = {}
    locale = _locale([c for row in sample.rows[:2000] for c in row if c])
    options |= locale
    for at, header in enumerate(sample.headers):
        if not header:
            continue
        name = _snake(header)
        while name in columns:
            name += "_2"
        cells = [(row[at] or "").strip() for row in sample.rows if at < len(row)]
        column: dict[str, Any] = {"path" if sample.paths else "header": header}
        if not sample.paths and header == name:
            column = {}
        tokens |= {c for c in cells if c in NULLS}
        known = [c for c in cells if c and c not in NULLS]
        values[name] = known
        kind, extra = _type_of(known, name, options)
        role = next((role for pattern, role in ROLES if re.search(pattern, name)), None)
        looks = _looks_like(known)
        if looks and looks != role:
            why[name] = f"looks like {looks}"
            role = role or looks
        if role in ("phone", "email", "tax_id", "postcode"):
            kind, extra = "string", {}
        if kind != "string":
            column["type"] = kind
        if extra.get("format"):
            wanted = dates if kind == "date" else times
            if extra["format"] not in wanted:
                wanted.append(extra["format"])
        if extra.get("scale"):
            column["scale"] = extra["scale"]
        if role in ("birth_date",) and kind != "date":
            role = None
        if role == "observed_at" and kind not in ("date", "timestamp"):
            role = None
        if role:
            column["role"] = role
        elif SECRETS.search(header):
            why[name] = "may be a secret: put it into drop_at_landing"
            column["is_personal"] = True
        if cells and len(known) == len(cells) and cells:
            column["required"] = True
        if len(known) < 0.02 * max(len(cells), 1):
            why.setdefault(name, "is empty, or nearly so, in this file")
        columns[name] = column
    for formats, option in ((dates, "dates"), (times, "timestamps")):
        if formats and formats != {"dates": ["%Y-%m-%d"], "timestamps": ["iso8601"]}[option]:
            options[option] = formats
    if tokens:
        options["null_tokens"] = ["", *sorted(tokens)]
    secrets = [str(c.get("header", n)) for n, c in columns.items() if SECRETS.search(str(c.get("header", n)))]
    if secrets and sample.format in ("csv", "jsonl"):
        options["drop_at_landing"] = secrets
        columns = {n: c for n, c in columns.items() if str(c.get("header", n)) not in secrets}
    key = _key(columns, values, len(sample.rows))
    for name in key:
        columns[name]["required"] = True
    if not key:
        key = [n for n, c in columns.items() if c.get("type") != "json"]
        options["duplicates"] = "drop"
        why["key"] = "nothing in this file tells its rows apart: equal rows are taken once"
    return columns, {"key": key, "why": why, "options": options}


def _locale(cells: list[str]) -> dict[str, Any]:
    spanish = sum(bool(re.fullmatch(r"-?(\d{1,3}(\.\d{3})+|\d+),\d{1,4}-?", c)) for c in cells)
    english = sum(bool(re.fullmatch(r"-?(\d{1,3}(,\d{3})+|\d+)\.\d{1,4}", c)) for c in cells)
    if spanish > english:
        grouped = any(re.fullmatch(r"-?\d{1,3}(\.\d{3})+(,\d+)?-?", c) for c in cells)
        return {"decimal": ",", **({"thousands": "."} if grouped else {})}
    grouped = any(re.fullmatch(r"-?\d{1,3}(,\d{3})+(\.\d+)?", c) for c in cells)
    return {"thousands": ","} if grouped else {}


def _type_of(cells: list[str], name: str, locale: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return a type that every cell fits, the narrowest; identifiers stay text so that their zeros stay."""
    if not cells:
        return "string", {}
    if KEYS.search(name) or re.search(r"(phone|tel|zip|postal|pstlz|cp$|movil|fax)", name):
        return "string", {}

    def fits(kind: str, **more: Any) -> bool:
        fields = {"source": "s", "table": "t", "description": "x", "path": "x", "grain": "x", "key": ["v"], **locale}
        column = {"type": kind, **{k: v for k, v in more.items() if k in ("scale",)}}
        options = {k: v for k, v in more.items() if k in ("dates", "timestamps")}
        made = Contract.model_validate({**fields, **options, "columns": {"v": column}})
        return cast(pl.DataFrame({"v": cells}), made)["v"].null_count() == 0

    words = {c.lower() for c in cells}
    if (words <= {"true", "false", "yes", "no", "sí", "si", "x", "verdadero", "falso"}) and fits("boolean"):
        return "boolean", {}
    if any(len(c) > 1 and re.fullmatch(r"0\d+", c) for c in cells):
        return "string", {}
    for form in DATES:
        if (
            all(len(c) <= 10 for c in cells)
            and not all(c.isdigit() and len(c) != 8 for c in cells)
            and fits("date", dates=[form])
        ):
            return "date", {"format": form}
    if all(re.fullmatch(r"-?\d{1,15}", c) for c in cells):
        stamps = [int(c) for c in cells]
        if re.search(r"(_at|time|timestamp|fecha|date)$", name):
            if all(1_000_000_000 <= s < 3_000_000_000 for s in stamps):
                return "timestamp", {"format": "epoch_s"}
            if all(10**12 <= s < 3 * 10**12 for s in stamps):
                return "timestamp", {"format": "epoch_ms"}
        return ("integer", {}) if all(len(c.lstrip("-")) <= 12 for c in cells) else ("string", {})
    if fits("integer"):
        return "integer", {}
    for scale in (2, 4, 6):
        if fits("decimal", scale=scale):
            return "decimal", {"scale": scale} if scale != 2 else {}
    for form in TIMES:
        if any(re.search(r"\d:\d\d", c) for c in cells) and fits("timestamp", timestamps=[form]):
            return "timestamp", {"format": form}
    if all(c[:1] in "[{" for c in cells):
        return "json", {}
    return "string", {}


def _looks_like(cells: list[str]) -> str | None:
    some = cells[:500]
    if not some:
        return None
    if sum(bool(re.fullmatch(r"[^@\s]+@[^@\s]+\.[a-zA-Z]{2,}", c)) for c in some) > 0.8 * len(some):
        return "email"
    if sum(bool(re.fullmatch(r"(\+|00)\d[\d\s().-]{8,}", c)) for c in some) > 0.6 * len(some):
        return "phone"
    return None


def _key(columns: dict[str, dict[str, Any]], values: dict[str, list[str]], rows: int) -> list[str]:
    """Return the columns that tell rows apart, as few as can be; none when no two to six columns do."""
    full = [
        n
        for n, c in columns.items()
        if c.get("required") and len(values[n]) == rows and c.get("type") not in ("json", "decimal")
    ]
    unique = [n for n in full if len(set(values[n])) == rows]
    if named := [n for n in unique if KEYS.search(n)] or [
        n for n in unique if columns[n].get("role") in (None, "email")
    ]:
        return named[:1]
    ordered = [n for n in full if KEYS.search(n)] + [
        n for n in full if not KEYS.search(n) and columns[n].get("role") != "text"
    ]
    for one in ordered[:8]:
        for other in ordered:
            if one != other and len(set(zip(values[one], values[other], strict=True))) == rows:
                return [one, other]
    chosen: list[str] = []
    apart = 1
    for name in ordered[:12]:
        now_apart = len(set(zip(*(values[n] for n in [*chosen, name]), strict=True)))
        if now_apart > apart:
            chosen, apart = [*chosen, name], now_apart
        if apart == rows:
            return chosen
    return []


def _snake(header: str) -> str:
    plain = unicodedata.normalize("NFD", header)
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    plain = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", plain)
    name = re.sub(r"[^A-Za-z0-9]+", "_", plain).strip("_").lower()
    return name if re.match(r"[a-z]", name) else f"c_{name}".rstrip("_")


def _glob(file: str) -> str:
    return re.sub(r"\d{4}[-_]?\d\d[-_]?\d\d|\d{4}[-_]\d\d|\d+", "*", file)


def _written(declared: dict[str, Any], why: dict[str, str], file: str) -> str:
    """Write the draft as people write them here: one line a column, with what was guessed beside it."""
    lines = [f"# Drafted from {file}. Check the key, the load mode, the time zone and what identifies people."]
    for key, value in declared.items():
        if key == "columns":
            continue
        text = yaml.safe_dump(value, allow_unicode=True, default_flow_style=True, width=1000, sort_keys=False)
        note = "  # full | incremental | append | window" if key == "load" else ""
        if key == "key" and "key" in why:
            note = f"  # {why['key']}"
        lines.append(f"{key}: {text.removesuffix('...' + chr(10)).strip()}{note}")
    lines.append("columns:")
    for name, column in declared["columns"].items():
        inner = yaml.safe_dump(column, allow_unicode=True, default_flow_style=True, width=1000, sort_keys=False).strip()
        note = f"  # {why[name]}" if name in why else ""
        lines.append(f"  {name}: {inner}{note}")
    return "\n".join(lines) + "\n"

"""Importing a file of codes, in the two parts that people wait for, each beside a plain COPY of the very rows that it wrote."""

import io
import secrets
import time
from collections.abc import Callable
from typing import Any

from django.db import connection, transaction

from bench.stocking import SITE, new_batch
from codes import importing, issuing
from codes.models import Code, CodeImport, ImportRow, IssueOrder

AWAY = 10**12  # Added to what must be unique, so that the copies can stand beside the rows until they are rolled back.


def measure(name: str, rows: int) -> dict[str, float]:
    """Rows a second of the check and of the import, and of the COPY beside each."""
    new = new_batch(name, rows)
    lines = "".join(f"{secrets.token_hex(8)};{1 + number % 3}\r\n" for number in range(rows))
    file = f"code;uses\r\n{lines}".encode()
    given = importing.NewImport(site_id=new.site_id, caller_key=SITE, actor_id=SITE, file=file, new=new)
    source, check = timed(lambda: importing.work_import(importing.receive_import(given)[0]))
    assert (source.state, source.good) == (CodeImport.State.DONE, rows), "Every row of the file is good."
    copy_of_check = copied("codes_importrow", ImportRow, "line", f"source_id = {source.pk}")

    def make() -> IssueOrder:
        order = importing.confirm_import(source.pk, caller_key=SITE, actor_id=SITE)
        return issuing.work_order(order.pk)

    order, importing_ = timed(make)
    assert order.issued == rows, "Every good row is a code."
    copy_of_codes = copied("codes_code", Code, "serial", f"order_id = {order.pk}")
    return {
        "check": rows / check,
        "check_floor": rows / copy_of_check,
        "made": rows / importing_,
        "made_floor": rows / copy_of_codes,
    }


def timed(deed: Callable[[], Any]) -> tuple[Any, float]:
    started = time.perf_counter()
    return deed(), time.perf_counter() - started


def copied(table: str, model: Any, number: str, rows: str) -> float:
    """Seconds that COPY needs for a ready text of those rows, into the same table with all its indexes and checks."""
    columns = [field.column for field in model._meta.concrete_fields if field.column != "id"]
    changed = {number: f"{number} + {AWAY}"}
    changed |= {
        name: f"decode(md5({name}), 'hex')" for name in ("digest", "lookup_odd", "lookup_even") if name in columns
    }
    picked = ", ".join(changed.get(column, f'"{column}"') for column in columns)
    named = ", ".join(f'"{column}"' for column in columns)
    text = io.BytesIO()
    with transaction.atomic():
        driver = connection.connection
        with driver.cursor() as cursor:
            with cursor.copy(f"COPY (SELECT {picked} FROM {table} WHERE {rows} ORDER BY {number}) TO STDOUT") as out:
                for part in out:
                    text.write(part)
            started = time.perf_counter()
            with cursor.copy(f"COPY {table} ({named}) FROM STDIN") as into:
                into.write(text.getvalue())
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # What a commit would check.
            seconds = time.perf_counter() - started
        # A code that was known is never removed: neither would these be.
        transaction.set_rollback(True)
    return seconds

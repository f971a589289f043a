"""dbt without two things that a build of small tables spends a tenth of its time on, and nobody gets anything of.

Both lean on insides of the pinned dbt (1.11) and its adapter for DuckDB (1.11): who raises the pins is told by `tests/warehouse/test_lean_dbt.py`.
In: dbt in this process. Out: nothing; what dbt builds, prints and writes down is the same.
"""

from __future__ import annotations

from typing import Any


def lean() -> None:
    """Let dbt in this process prepare no messages that nobody hears, and ask nothing about foreign keys. Called again, it changes nothing."""
    _hear_what_is_heard()
    _ask_for_no_foreign_keys()


def _hear_what_is_heard() -> None:
    """Build messages of debug level when somebody listens to them only.

    dbt makes each of its messages, a dozen per node with all of its SQL, into two objects of protobuf by a parser in Python, and asks after that
    whether any log wants it. What is said at other levels, and all that is said where a log or a callback listens, goes dbt's own way.
    """
    import dbt.adapters.events.base_types as of_adapters
    import dbt.events.base_types as of_core
    import dbt_common.events.base_types as common
    from dbt_common.events.event_manager import EventManager
    from dbt_common.events.event_manager_client import ctx_set_event_manager, get_event_manager

    unheard = (common.EventLevel.DEBUG, common.EventLevel.TEST)
    if type(get_event_manager()) is not EventManager:
        return

    class Heard(EventManager):
        def fire_event(
            self, e: Any, level: Any = None, node: Any = None, force_warn_or_error_handling: bool = False
        ) -> None:
            # dbt itself listens by one callback, to changes of behaviour, which are warnings.
            listening = len(self.callbacks) > 1 or any(logger.level in unheard for logger in self.loggers)
            if listening or force_warn_or_error_handling or (level or e.level_tag()) not in unheard:
                super().fire_event(e, level, node, force_warn_or_error_handling)

    ctx_set_event_manager(Heard())
    made: Any = common.BaseEvent.__init__

    def keep(event: Any, **told: Any) -> None:
        event.__dict__["told"] = told

    def message(event: Any) -> Any:
        held = event.__dict__
        if "message" not in held:
            made(event, **held.pop("told"))
        return held["message"]

    def hold(event: Any, built: Any) -> None:
        event.__dict__["message"] = built

    for levels in (common, of_adapters, of_core):
        debug: Any = levels.DebugLevel
        debug.__init__, debug.pb_msg = keep, property(message, hold)


def _ask_for_no_foreign_keys() -> None:
    """Leave out the adapter's question, before each model with a key and under one lock, whether a foreign key points at it.

    Keys are constraints of contracts, which our materialization asks for itself (macro constraint_check, which knows no foreign keys); DuckDB's own
    constraints are never made.
    """
    from dbt.adapters.duckdb.impl import DuckDBAdapter

    adapter: Any = DuckDBAdapter
    if hasattr(adapter, "_acquire_foreign_key_lock"):
        adapter._acquire_foreign_key_lock = lambda self, model: False

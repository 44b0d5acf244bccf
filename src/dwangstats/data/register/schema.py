"""The input tables: their columns, what each holds, and in which unit.

This page is data. `read` converts by it, `checks` judges by it, and the messages quote it.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

ColumnKind: TypeAlias = Literal["id", "text", "count", "number", "date", "datetime", "yes-no", "period"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name, what kind of value it holds, and whether the table needs it."""

    name: str
    kind: ColumnKind
    required: bool
    unit: str = ""
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TableSchema:
    """One input table: what a row is, its columns, and the columns that name a row once."""

    name: str
    row_is: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]

    @property
    def required(self) -> tuple[str, ...]:
        """Names of the columns without which the table says nothing."""
        return tuple(c.name for c in self.columns if c.required)

    def column(self, name: str) -> Column | None:
        """The column of that name, or None for a column the schema does not know."""
        return next((c for c in self.columns if c.name == name), None)


DELIVERY_STATUS = ("accepted", "rejected", "not_delivered", "nothing_to_report")
AUDIT_DESIGNS = ("random", "targeted")

REGISTRATIONS = TableSchema(
    name="registrations",
    row_is="one registered measure",
    columns=(
        Column("registration_id", "id", required=False),
        Column("provider_id", "id", required=True),
        Column("location_id", "id", required=False),
        Column("client_id", "id", required=False),
        Column("law", "text", required=False),
        Column("intervention_code", "id", required=False),
        Column("form", "text", required=False),
        Column("legal_status", "text", required=False),
        Column("planned", "yes-no", required=False),
        Column("begin", "datetime", required=True),
        Column("end", "datetime", required=False),
        Column("received_at", "datetime", required=False),
        Column("delivery_version", "count", required=False),
        Column("source_id", "id", required=False),
    ),
    key=("registration_id",),
)

EXPOSURE = TableSchema(
    name="exposure",
    row_is="one location (or provider) in one period",
    columns=(
        Column("provider_id", "id", required=True),
        Column("location_id", "id", required=False),
        Column("period", "period", required=True),
        Column("capacity", "number", required=False, unit="beds"),
        Column("mean_occupancy", "number", required=False, unit="beds"),
        Column("bed_days", "number", required=True, unit="bed-days"),
        Column("admissions", "count", required=False),
        Column("clients", "count", required=False),
    ),
    key=("provider_id", "location_id", "period"),
)

LOCATIONS = TableSchema(
    name="locations",
    row_is="one location",
    columns=(
        Column("provider_id", "id", required=True),
        Column("location_id", "id", required=True),
        Column("setting", "text", required=False),
        Column("security_level", "text", required=False),
        Column("laws", "text", required=False),
        Column("opened", "date", required=False),
        Column("closed", "date", required=False),
        Column("ehr_vendor", "text", required=False),
        Column("ehr_migrated_on", "date", required=False),
    ),
    key=("provider_id", "location_id"),
)

DELIVERIES = TableSchema(
    name="deliveries",
    row_is="one version of the delivery of one provider under one law over one period",
    columns=(
        Column("provider_id", "id", required=True),
        Column("law", "text", required=False),
        Column("period", "period", required=True),
        Column("version", "count", required=False),
        Column("due_on", "date", required=False),
        Column("received_at", "datetime", required=False),
        Column("status", "text", required=True, choices=DELIVERY_STATUS),
        Column("reject_reason", "text", required=False),
    ),
    key=("provider_id", "law", "period", "version"),
)

AUDITS = TableSchema(
    name="audits",
    row_is="one provider, period and form of an audit",
    columns=(
        Column("provider_id", "id", required=True),
        Column("period", "period", required=True),
        Column("form", "text", required=False),
        Column("n_found", "count", required=True),
        Column("n_registered", "count", required=True),
        Column("design", "text", required=False, choices=AUDIT_DESIGNS),
    ),
    key=("provider_id", "period", "form"),
)

SECOND_SOURCE = TableSchema(
    name="second_source",
    row_is="one provider, period and form in two linked registers",
    columns=(
        Column("provider_id", "id", required=True),
        Column("period", "period", required=True),
        Column("form", "text", required=False),
        Column("both", "count", required=True),
        Column("register_only", "count", required=True),
        Column("other_only", "count", required=True),
    ),
    key=("provider_id", "period", "form"),
)

CONTROLS = TableSchema(
    name="controls",
    row_is="one provider and period of an outcome that is registered completely",
    columns=(
        Column("provider_id", "id", required=True),
        Column("period", "period", required=True),
        Column("control_count", "count", required=True),
    ),
    key=("provider_id", "period"),
)

PANEL = TableSchema(
    name="panel",
    row_is="one provider (or location), period and form, already counted",
    columns=(
        Column("provider", "id", required=True),
        Column("location", "id", required=False),
        Column("law", "text", required=False),
        Column("period", "period", required=True),
        Column("form", "text", required=False),
        Column("events", "count", required=True),
        Column("bed_days", "number", required=True, unit="bed-days"),
        Column("delivered", "yes-no", required=False),
        # Where they differ the count is known to lie in this interval only, and events is not used as a count.
        Column("lower", "count", required=False),
        Column("upper", "count", required=False),
    ),
    key=("provider", "location", "law", "period", "form"),
)

SCHEMAS: dict[str, TableSchema] = {
    s.name: s for s in (REGISTRATIONS, EXPOSURE, LOCATIONS, DELIVERIES, AUDITS, SECOND_SOURCE, CONTROLS, PANEL)
}

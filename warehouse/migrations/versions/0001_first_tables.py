"""Judgements, approvals and the audit log."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

ROW_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")
AT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the first tables."""
    op.create_table(
        "judgements",
        sa.Column("judgement_id", ROW_ID, primary_key=True, autoincrement=True),
        sa.Column("record_l", sa.String(300), nullable=False),
        sa.Column("record_r", sa.String(300), nullable=False),
        sa.Column("verdict", sa.String(10), nullable=False),
        sa.Column("author", sa.String(200), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("judged_at", AT, nullable=False),
        sa.Column("undone_at", AT),
        sa.Column("undone_by", sa.String(200)),
    )
    op.create_table(
        "approvals",
        sa.Column("plan_hash", sa.String(64), primary_key=True),
        sa.Column("audience", sa.String(200), nullable=False),
        sa.Column("destination", sa.String(200), nullable=False),
        sa.Column("author", sa.String(200), nullable=False),
        sa.Column("approved_at", AT, nullable=False),
    )
    op.create_table(
        "audit",
        sa.Column("audit_id", ROW_ID, primary_key=True, autoincrement=True),
        sa.Column("happened_at", AT, nullable=False),
        sa.Column("actor", sa.String(200), nullable=False),
        sa.Column("action", sa.String(100), nullable=False),
        sa.Column("subject", sa.String(300), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("details", sa.Text, nullable=False),
        sa.Column("previous_hash", sa.String(64), nullable=False),
        sa.Column("row_hash", sa.String(64), nullable=False, unique=True),
    )


def downgrade() -> None:
    """Take them away."""
    for table in ("audit", "approvals", "judgements"):
        op.drop_table(table)

{# Statements of the preference centre, for every record that has the e-mail or phone they are about. #}
select
    'consent:' || statements.statement_id || ':' || points.record_key as consent_id,
    points.record_key,
    'consent' as source,
    statements.purpose,
    statements.channel,
    statements.is_granted,
    statements.stated_at as captured_at
from {{ ref("stg_consent__statements") }} as statements
inner join
    {{ source("identity", "contact_points") }} as points
    on statements.identifier = points.standard and statements.identifier_type = points.kind

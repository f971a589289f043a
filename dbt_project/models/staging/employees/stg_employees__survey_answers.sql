{# The same questions, asked of employees by process, area and role; anonymous, one row per response and process. #}
with

source as (

    select * from {{ source('bronze', 'employees_survey') }}

),

renamed as (

    select

        ---------- ids
        response_id,
        process,

        ---------- text
        area,
        job_role,
        comment,

        ---------- numbers
        expected_nps,
        satisfaction,
        effort,

        ---------- dates
        answered_on

    from source

)

select * from renamed

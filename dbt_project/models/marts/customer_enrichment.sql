{# What a customer's own data tell beyond themselves: language and clock by country, the company by the mail's domain. #}
with

companies as (

    select
        email_domain,
        any_value(company_name order by company_id) as company_name
    from {{ ref("stg_hubspot__companies") }}
    where email_domain is not null
    group by email_domain

),

domains as (

    select
        members.customer_id,
        lower(split_part(points.standard, '@', 2)) as company_domain,
        count(*) as times,
        min(points.standard) as first_point
    from {{ source("identity", "contact_points") }} as points
    inner join {{ source("identity", "members") }} as members on points.record_key = members.record_key
    left join {{ ref("free_mail_domains") }} as free on lower(split_part(points.standard, '@', 2)) = free.email_domain
    where points.kind = 'email' and points.standard is not null and free.email_domain is null
    group by members.customer_id, lower(split_part(points.standard, '@', 2))

),

work_domains as (

    -- Of the domains that are no public provider's, the one that most records have; a shared box of a company counts too.
    select
        customer_id,
        arg_min(company_domain, {'fewer': -times, 'first_point': first_point}) as company_domain
    from domains
    group by customer_id

)

select
    profiles.customer_id,
    profiles.country,
    countries.language,
    countries.time_zone,
    nullif(lower(split_part(profiles.email, '@', 2)), '') as email_domain,
    work_domains.company_domain,
    companies.company_name
from {{ source("identity", "profiles") }} as profiles
left join {{ ref("countries") }} as countries on profiles.country = countries.country
left join work_domains on profiles.customer_id = work_domains.customer_id
left join companies on work_domains.company_domain = companies.email_domain

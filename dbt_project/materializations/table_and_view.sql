{# Tables and views in one round trip. The adapter's own way asks the database ten to fifteen times per model (two descriptions, a
   temporary name, two renames, indexes, a drop, and a description per kind of comment), and each costs more in Python than most
   models cost in the database. DuckDB replaces a table or view in one transaction, so nobody ever sees half of one. #}

{# What the model's columns must be, as the contract declares them; the database itself says where they differ. #}
{% macro contract_check(relation) -%}
    {%- if config.get("contract").enforced -%}
    select case when list_sort(found.columns) <> list_sort(wanted.columns) then error(
        'contract of {{ relation.schema }}.{{ relation.identifier }}: only in the model: '
        || list_filter(found.columns, lambda c: not list_contains(wanted.columns, c))::varchar
        || '; only in the declaration: ' || list_filter(wanted.columns, lambda c: not list_contains(found.columns, c))::varchar
    ) end
    from (
        select list(name || ' ' || type) as columns
        from pragma_table_info('{{ relation }}')
    ) as found, (
        select [
            {%- for column in model["columns"].values() -%}
            '{{ column["name"] }} ' || typeof(null::{{ column["data_type"] }}){{ ", " if not loop.last }}
            {%- endfor -%}
        ] as columns
    ) as wanted;
    {%- endif -%}
{%- endmacro %}

{# Keys and cells that must be filled, as the constraints of the model declare them. They are asked of what was just built, in the same
   transaction: a test of its own per key would cost dbt more than it costs the database. What is wrong is counted, not quoted. A key that follows from
   how a large table is made (`meta: key_follows` says how) is not asked for at each build, but of the sample by a test: a tenth of a build of a
   million customers went into grouping tens of millions of rows that cannot be twice. #}
{% macro constraint_check(relation, model) -%}
    {%- set declared = [] -%}
    {%- do declared.extend(model["constraints"]) -%}
    {%- for column in model["columns"].values() -%}
        {%- for constraint in column["constraints"] -%} {%- do declared.append(dict(constraint, columns=[column["name"]])) -%} {%- endfor -%}
    {%- endfor -%}
    {%- set filled = declared | selectattr("type", "equalto", "not_null") | map(attribute="columns") | sum(start=[]) -%}
    {%- set place = relation.schema ~ "." ~ relation.identifier -%}
    {%- set follows = (model["config"]["meta"] or {}).get("key_follows") -%}
    {#- That a key is filled costs no grouping: it is asked for all the same. -#}
    {%- if follows -%} {%- set filled = filled + (declared | selectattr("type", "equalto", "primary_key") | map(attribute="columns") | sum(start=[])) -%} {%- endif -%}
    {%- for key in declared | selectattr("type", "in", ["primary_key", "unique"]) if not follows %}
    {%- set columns = key["columns"] | join(", ") %}
    select case when count(*) > 0 then error('key of {{ place }}: ({{ columns }}) is twice{{ " or null" if key["type"] == "primary_key" }} for ' || count(*) || ' values') end
    from (
        select {{ columns }} from {{ relation }} group by {{ columns }} having count(*) > 1
        {%- if key["type"] == "primary_key" -%} {%- for column in key["columns"] %} or {{ column }} is null {%- endfor -%} {%- endif %}
    );
    {%- endfor -%}
    {%- if filled %}
    select case when least({% for column in filled %}count({{ column }}), {% endfor %}count(*)) < count(*) then error(
        '{{ place }} has empty cells: ' || concat_ws(', ' {%- for column in filled -%}
            , case when count({{ column }}) < count(*) then '{{ column }} in ' || (count(*) - count({{ column }})) || ' rows' end
        {%- endfor -%})
    ) end
    from {{ relation }};
    {%- endif -%}
    {%- for check in declared | rejectattr("type", "in", ["primary_key", "unique", "not_null"]) %}
    {%- set rule = check["expression"] if check["type"] == "check" else exceptions.raise_compiler_error("constraint " ~ check["type"] ~ " of " ~ place ~ " is not known: primary_key, unique, not_null, check") %}
    select case when count(*) > 0 then error('{{ place }}: ' || count(*) || ' rows break: {{ rule | replace("'", "''") }}') end
    from {{ relation }} where not ({{ rule }});
    {%- endfor -%}
{%- endmacro %}

{# Views of sources are not built anew while what they are made of stands as it is; that their rows have keys is asked all the same, before
   anything else is built. #}
{% macro standing_rules() -%}
    {%- if execute and flags.WHICH == "build" and "path:models/staging" in (invocation_args_dict.get("exclude") or []) -%}
    {%- for node in graph.nodes.values() | selectattr("resource_type", "equalto", "model") -%}
    {%- if node["original_file_path"].startswith("models/staging/") -%}
    {{ constraint_check(api.Relation.create(database=node["database"], schema=node["schema"], identifier=node["alias"]), node) }}
    {%- endif -%}
    {%- endfor -%}
    {%- endif -%}
{%- endmacro %}

{# A view cannot replace a table, nor a table a view. #}
{% macro drop_other_kind(before, target) -%}
    {%- if before is not none and before.type != target.type -%} drop {{ before.type }} {{ target }}; {%- endif -%}
{%- endmacro %}

{% macro comments(relation) -%}
    {%- if config.persist_relation_docs() and model.description %}
    {{ duckdb__alter_relation_comment(relation, model.description) }}
    {%- endif %}
    {%- if config.persist_column_docs() %}
    {%- for column in model["columns"].values() if column["description"] %}
    comment on column {{ relation }}.{{ adapter.quote(column["name"]) }} is {{ duckdb_escape_comment(column["description"]) }};
    {%- endfor %}
    {%- endif %}
{%- endmacro %}

{% materialization view, adapter="duckdb" %}
    {%- set before = load_cached_relation(this) -%}
    {%- set target = this.incorporate(type="view") -%}
    {{ run_hooks(pre_hooks) }}
    {% call statement("main", auto_begin=False) -%}
    begin transaction;
    {{ drop_other_kind(before, target) }}
    create or replace view {{ target }} as (
    {{ compiled_code }}
    );
    {{ contract_check(target) }}
    {{ constraint_check(target, model) }}
    {{ comments(target) }}
    commit;
    {%- endcall %}
    {{ run_hooks(post_hooks) }}
    {{ return({"relations": [target]}) }}
{% endmaterialization %}

{% materialization table, adapter="duckdb", supported_languages=["sql", "python"] %}
    {%- set before = load_cached_relation(this) -%}
    {%- set target = this.incorporate(type="table") -%}
    {{ run_hooks(pre_hooks) }}
    {% if model["language"] == "python" %}
    {#- What Python gives is written under a name of its own first: it runs for long, and the table of before stays whole. -#}
    {%- set fresh = make_intermediate_relation(target) -%}
    {% call statement("clear", auto_begin=False) -%} drop table if exists {{ fresh }}; {%- endcall %}
    {% call statement("main", language="python", auto_begin=False) -%}{{ py_write_table(temporary=False, relation=fresh, compiled_code=compiled_code) }}{%- endcall %}
    {% call statement("swap", auto_begin=False) -%}
    begin transaction;
    {{ drop_other_kind(before, target) }}
    drop table if exists {{ target }};
    alter table {{ fresh }} rename to {{ adapter.quote(target.identifier) }};
    {{ contract_check(target) }}
    {{ constraint_check(target, model) }}
    {{ comments(target) }}
    commit;
    {%- endcall %}
    {% else %}
    {% call statement("main", auto_begin=False) -%}
    begin transaction;
    {{ drop_other_kind(before, target) }}
    create or replace table {{ target }} as (
    {{ compiled_code }}
    );
    {{ contract_check(target) }}
    {{ constraint_check(target, model) }}
    {{ comments(target) }}
    commit;
    {%- endcall %}
    {% endif %}
    {{ run_hooks(post_hooks) }}
    {{ return({"relations": [target]}) }}
{% endmaterialization %}

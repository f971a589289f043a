"""Salesforce's weekly data export: one archive with a CSV per object, soft deletes, merges, line breaks in cells."""

from __future__ import annotations

import csv
import io
import zipfile
from datetime import datetime, timedelta
from pathlib import Path

from data.generate import facts
from data.generate.people import folded
from data.generate.programmes import PROGRAMMES, window_of
from data.generate.systems.damage import everyday_name, home, maybe_typo, written_phone, written_street
from data.generate.systems.texts import sentence
from data.generate.world import World

STAGES = [("Prospecting", 10), ("Qualification", 25), ("Proposal", 50), ("Negotiation", 75)]
LOST = ["no follow-up", "undecided", "no budget", "competitor", "no rapport", "contact left"]
SOURCES = ["Web", "Google Ads", "Facebook", "Referral", "Trade Show", "Phone Inquiry"]
OWNERS = ["005Dn000001AAAAAA1", "005Dn000001BBBBBB2", "005Dn000001CCCCCC3"]
TITLES = ["Gerente de Compras", "Director General", "VP Operaciones", "Coordinadora de Marketing", "Analista", "CEO"]


def write(folder: Path, world: World) -> dict[str, int]:
    """Write the archive and note which contact and lead is which person."""
    rng = world.rng("salesforce")
    made: dict[str, tuple[str, list[list[str]]]] = {}

    def table(name: str, header: str) -> list[list[str]]:
        made[name] = (header, [])
        return made[name][1]

    accounts = table("Account", "Id,IsDeleted,MasterRecordId,Name,Type,Industry,NumberOfEmployees,AnnualRevenue,BillingCity,BillingCountry,Phone,Website,IsPersonAccount,OwnerId,CreatedDate,SystemModstamp")  # fmt: skip
    contacts = table("Contact", "Id,IsDeleted,MasterRecordId,AccountId,FirstName,LastName,Email,Phone,MobilePhone,Title,Department,MailingStreet,MailingCity,MailingState,MailingPostalCode,MailingCountry,Birthdate,LeadSource,HasOptedOutOfEmail,DoNotCall,OwnerId,CreatedDate,SystemModstamp")  # fmt: skip
    leads = table("Lead", "Id,IsDeleted,MasterRecordId,FirstName,LastName,Company,Title,Email,Phone,City,Country,Status,LeadSource,First_Response__c,IsConverted,ConvertedDate,ConvertedContactId,ConvertedAccountId,ConvertedOpportunityId,HasOptedOutOfEmail,OwnerId,CreatedDate,SystemModstamp")  # fmt: skip
    deals = table("Opportunity", "Id,IsDeleted,AccountId,ContactId,CampaignId,Name,StageName,Amount,CurrencyIsoCode,Probability,CloseDate,IsClosed,IsWon,Loss_Reason__c,Competitor__c,LeadSource,OwnerId,CreatedDate,SystemModstamp")  # fmt: skip
    history = table("OpportunityHistory", "Id,OpportunityId,StageName,Amount,Probability,CloseDate,CreatedDate")
    campaigns = table(
        "Campaign", "Id,Name,Type,Status,StartDate,EndDate,BudgetedCost,ActualCost,ExpectedRevenue,IsActive"
    )
    members = table(
        "CampaignMember", "Id,CampaignId,LeadId,ContactId,Status,HasResponded,FirstRespondedDate,CreatedDate"
    )
    tasks = table(
        "Task",
        "Id,WhoId,WhatId,Subject,Description,Status,Priority,Type,ActivityDate,OwnerId,IsClosed,IsDeleted,CreatedDate",
    )
    cases = table(
        "Case",
        "Id,CaseNumber,ContactId,AccountId,Subject,Status,Priority,Origin,Reason,IsClosed,CreatedDate,ClosedDate",
    )

    for number, programme in enumerate(PROGRAMMES):
        first, last = window_of(programme, world.until)
        campaigns.append([f"701Dn{number:010d}AAA", programme.name, programme.channel, "Completed", f"{first}", f"{last}",
                          f"{programme.budget_usd:.2f}", f"{programme.budget_usd * rng.uniform(0.85, 1.1):.2f}", "", "false"])  # fmt: skip
    counter = {"contact": 0, "member": 0, "deal": 0, "history": 0, "task": 0, "case": 0}

    def ident(prefix: str, kind: str) -> str:
        counter[kind] += 1
        return f"{prefix}Dn{counter[kind]:010d}AAE"

    def contact(person, account_id: str, since: datetime) -> str:  # type: ignore[no-untyped-def]
        key = ident("003", "contact")
        world.note("salesforce_contacts", key, person)
        address = home(rng, person, 0.25)
        given = maybe_typo(rng, everyday_name(rng, person.given, 0.1), 0.02)
        surname = f"{person.surname_1} {person.surname_2}".strip() if rng.random() < 0.4 else person.surname_1
        if rng.random() < 0.25:
            given, surname = folded(given), folded(surname)
        street = written_street(rng, address) + (
            "\nCol. Centro" if address.country == "MX" and rng.random() < 0.3 else ""
        )
        contacts.append([
            key, "true" if rng.random() < 0.01 else "false", "", account_id, given, surname,
            person.email if rng.random() < 0.85 else "", written_phone(rng, person.phone, person.country) if rng.random() < 0.7 else "", "",
            rng.choice(TITLES) if account_id else "", "", street, address.city, address.region, address.postcode,
            facts.COUNTRY_NAMES_ES[person.country], f"{person.birth_date}" if rng.random() < 0.15 else "", rng.choice(SOURCES),
            "true" if rng.random() < 0.08 else "false", "true" if rng.random() < 0.05 else "false", rng.choice(OWNERS), _at(since),
            _at(since + timedelta(days=rng.randint(0, 90))),
        ])  # fmt: skip
        if rng.random() < 0.03:  # entered twice, and merged: the loser names the survivor
            loser = ident("003", "contact")
            world.note("salesforce_contacts", loser, person)
            contacts.append([loser, "true", key, account_id, given, surname, "", *contacts[-1][7:]])
        for number, programme in enumerate(PROGRAMMES):
            arm = world.arms[programme.key].get(person.person_id)
            if arm is None:
                continue
            first, _ = window_of(programme, world.until)
            responded = arm == "treated" and rng.random() < 0.08 + programme.effect
            day = f"{first + timedelta(days=3)}" if responded else ""
            members.append([ident("00v", "member"), f"701Dn{number:010d}AAA", "", key, "Responded" if responded else "Sent" if arm == "treated" else "Control",
                            "true" if responded else "false", day, _at(datetime.combine(first, datetime.min.time()))])  # fmt: skip
        if rng.random() < 0.25 + 0.4 * (1 - person.traits.satisfaction):
            opened = world.moment(rng, since.date(), world.until)
            closed = opened + timedelta(hours=rng.randint(2, 200))
            is_closed = closed.date() <= world.until and rng.random() < 0.85
            cases.append([ident("500", "case"), f"{counter['case']:08d}", key, account_id, sentence(rng, person.traits.satisfaction - 0.25, person.country),
                          "Closed" if is_closed else "New", rng.choice(["Low", "Medium", "High"]), rng.choice(["Phone", "Email", "Web"]),
                          rng.choice(["Envío", "Factura", "Producto", "Otro"]), str(is_closed).lower(), _at(opened), _at(closed) if is_closed else ""])  # fmt: skip
        if rng.random() < 0.3:
            due = world.moment(rng, since.date(), world.until)
            tasks.append([ident("00T", "task"), key, account_id, rng.choice(["Llamar", "Enviar propuesta", "Seguimiento"]), "Acordado:\n- precio\n- fecha",
                          rng.choice(["Completed", "Not Started"]), "Normal", rng.choice(["Call", "Email"]), f"{due:%Y-%m-%d}", rng.choice(OWNERS), "true", "false", _at(due)])  # fmt: skip
        return key

    def deal(account_id: str, contact_id: str, name: str, amount: float, quality: float, created: datetime) -> str:
        key = ident("006", "deal")
        at, reached = created, 0
        wins = rng.random() < 0.12 + 0.4 * quality
        last_stage = len(STAGES) if wins else rng.randint(1, len(STAGES))
        for stage, probability in STAGES[:last_stage]:
            if at.date() > world.until:
                break
            history.append(
                [
                    ident("008", "history"),
                    key,
                    stage,
                    f"{amount:.2f}",
                    str(probability),
                    f"{(at + timedelta(days=40)):%Y-%m-%d}",
                    _at(at),
                ]
            )
            at += timedelta(days=int(rng.expovariate(1 / 11)) + 1, minutes=rng.randint(0, 600))
            reached += 1
        is_closed = reached == last_stage and at.date() <= world.until
        stage = ("Closed Won" if wins else "Closed Lost") if is_closed else STAGES[max(reached - 1, 0)][0]
        if is_closed:
            history.append(
                [
                    ident("008", "history"),
                    key,
                    stage,
                    f"{amount:.2f}",
                    "100" if wins else "0",
                    f"{at:%Y-%m-%d}",
                    _at(at),
                ]
            )
        reason = rng.choice(LOST) if is_closed and not wins else ""
        deals.append([
            key, "false", account_id, contact_id, f"701Dn{rng.randrange(len(PROGRAMMES)):010d}AAA" if rng.random() < 0.3 else "", name, stage, f"{amount:.2f}", "USD",
            str(100 if is_closed and wins else 0 if is_closed else STAGES[max(reached - 1, 0)][1]), f"{(at if is_closed else at + timedelta(days=40)):%Y-%m-%d}",
            str(is_closed).lower(), str(is_closed and wins).lower(), reason, "Rival S.A." if reason == "competitor" else "", rng.choice(SOURCES), rng.choice(OWNERS),
            _at(created), _at(min(at, datetime.combine(world.until, datetime.max.time()))),
        ])  # fmt: skip
        return key

    for account in world.accounts:
        since = datetime.combine(account.since, datetime.min.time()) + timedelta(hours=15)
        accounts.append([account.crm_id, "false", "", account.name, "Customer" if account.health > 0.3 else "Prospect", account.industry, str(account.employees),
                         f"{account.arr_usd * 40}.0", account.people[0].address.city, facts.COUNTRY_NAMES_ES[account.country], account.people[0].phone,
                         f"https://{account.domain}", "false", rng.choice(OWNERS), _at(since), _at(since + timedelta(days=20))])  # fmt: skip
        world.truth.accounts.append(("salesforce_accounts", account.crm_id, f"A{account.number:06d}"))
        keys = [contact(person, account.crm_id, since) for person in account.people]
        for n in range(rng.choices([1, 2, 3], [5, 3, 2])[0]):
            deal(
                account.crm_id,
                keys[0],
                f"{account.name} - {n + 1}",
                account.arr_usd * rng.uniform(0.3, 1.2),
                account.health,
                since + timedelta(days=rng.randint(0, 200)),
            )
    staff = {p.person_id for a in world.accounts for p in a.people}
    for number, person in enumerate(p for p in world.people if "salesforce" in p.systems and p.person_id not in staff):
        created = world.moment(rng, max(person.since, world.start), world.until)
        key = f"00QDn{number:010d}AAE"
        # Person accounts stand in two files, under two ids.
        if rng.random() < 0.25:
            owner = f"001Dp{number:010d}AAQ"
            accounts.append([owner, "false", "", f"{person.given} {person.surname_1}", "Customer", "", "", "", person.address.city, facts.COUNTRY_NAMES_ES[person.country],
                             person.phone, "", "true", rng.choice(OWNERS), _at(created), _at(created)])  # fmt: skip
            contact(person, owner, created)
            continue
        world.note("salesforce_leads", key, person)
        is_converted = rng.random() < 0.10
        converted = created + timedelta(days=int(rng.expovariate(1 / 16)) + 1)
        is_converted = is_converted and converted.date() <= world.until
        made_contact = contact(person, "", converted) if is_converted else ""
        made_deal = (
            deal("", made_contact, f"Lead {number}", rng.lognormvariate(6.5, 0.6), person.traits.value, converted)
            if is_converted
            else ""
        )
        answered = created + timedelta(minutes=rng.expovariate(1 / 35))
        leads.append([
            key, "false", "", maybe_typo(rng, person.given, 0.02), person.surname_1, "", rng.choice(TITLES) if rng.random() < 0.2 else "", person.email,
            written_phone(rng, person.phone, person.country) if rng.random() < 0.5 else "", person.address.city, facts.COUNTRY_NAMES_ES[person.country],
            "Converted" if is_converted else rng.choice(["Open", "Working", "Nurturing", "Unqualified"]), rng.choice(SOURCES), _at(answered) if rng.random() < 0.8 else "",
            str(is_converted).lower(), _at(converted) if is_converted else "", made_contact, "", made_deal, "true" if rng.random() < 0.06 else "false", rng.choice(OWNERS),
            _at(created), _at(answered),
        ])  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"WE_00D300000000001_{world.until:%Y%m%d}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, (header, rows) in made.items():
            text = io.StringIO()
            writer = csv.writer(text, quoting=csv.QUOTE_ALL)
            writer.writerow(header.split(","))
            writer.writerows(rows)
            archive.writestr(
                zipfile.ZipInfo(f"{name}.csv", (2026, 1, 1, 0, 0, 0)), text.getvalue().encode(), zipfile.ZIP_DEFLATED, 1
            )
    return {f"salesforce/{path.name}/{name}.csv": len(rows) for name, (_, rows) in made.items()}


def _at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}.000Z"

"""The sample company: exports of an ERP, a CRM, a web shop and an e-mail tool, with the truth kept apart."""

from data.generate.company import GeneratedCompany, generate_company

__all__ = ["GeneratedCompany", "generate_company"]

"""The sample company: exports of every system a company has, with the truth kept apart."""

from data.generate.company import PARTS, GeneratedCompany, generate_company

__all__ = ["PARTS", "GeneratedCompany", "generate_company"]

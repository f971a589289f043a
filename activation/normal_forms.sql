-- Identifiers in each platform's own normal form, and cells of files that people open in spreadsheets.
--
-- Rules and published vectors: Google Data Manager formatting guide, Meta customer-information parameters, TikTok, LinkedIn and X help pages,
-- Mailchimp's member hash. What stays true: phones are E.164 before any vendor's rule; text is NFC; an empty value is null and is never hashed,
-- a hash is never hashed again; digests are lower-case hexadecimal.

-- Text without blanks at its ends.
CREATE OR REPLACE TEMP MACRO form_text(v) AS
    nullif(regexp_replace(nfc_normalize(v::VARCHAR), '^[\s\p{Z}\x00-\x1f]+|[\s\p{Z}\x00-\x1f]+$', '', 'g'), '');

-- A SHA-256; what is one already stays.
CREATE OR REPLACE TEMP MACRO form_hash(v) AS
    CASE WHEN v IS NULL OR v = '' THEN NULL WHEN regexp_full_match(v, '[0-9a-fA-F]{64}') THEN lower(v) ELSE sha256(v) END;

-- A phone only when it is E.164.
CREATE OR REPLACE TEMP MACRO form_e164(v) AS
    nullif(regexp_extract(regexp_replace(v::VARCHAR, '[\s().-]', '', 'g'), '^\+[1-9][0-9]{7,14}$'), '');

-- Lower case; dots and plus are kept (Meta, LinkedIn, Pinterest, Microsoft).
CREATE OR REPLACE TEMP MACRO form_email(v) AS
    nullif(regexp_extract(lower(form_text(v)), '^[^\s\p{Z}]+@[^@\s\p{Z}]*\.[^@\s\p{Z}]*$'), '');

-- Of an e-mail in lower case (made once, and not inside: macros are pasted wherever their argument stands): for Gmail's two domains without dots and without what follows a plus.
CREATE OR REPLACE TEMP MACRO google_mail(mail) AS
    CASE
        WHEN ends_with(mail, '@gmail.com') OR ends_with(mail, '@googlemail.com')
            THEN nullif(replace(split_part(split_part(mail, '@', 1), '+', 1), '.', ''), '') || '@' || split_part(mail, '@', -1)
        ELSE mail
    END;

-- Of an e-mail in lower case: without what follows a plus; dots are kept.
CREATE OR REPLACE TEMP MACRO tiktok_mail(mail) AS
    CASE
        WHEN contains(mail, '+')
            THEN nullif(regexp_extract(mail, '^([^+]*).*@[^@]*$', 1), '') || '@' || split_part(mail, '@', -1)
        ELSE mail
    END;

-- Lower case, accents kept.
CREATE OR REPLACE TEMP MACRO form_google_name(v) AS regexp_replace(lower(form_text(v)), '[\s\p{Z}]+', ' ', 'g');

-- Digits with country code, without plus.
CREATE OR REPLACE TEMP MACRO form_meta_phone(v) AS substr(form_e164(v), 2);

-- Lower case without punctuation; letters of any script stay.
CREATE OR REPLACE TEMP MACRO form_meta_name(v) AS
    nullif(trim(regexp_replace(regexp_replace(lower(form_text(v)), '[^\p{L}\p{N} ]', '', 'g'), ' +', ' ', 'g')), '');

-- Lower case without punctuation and spaces (cities, states).
CREATE OR REPLACE TEMP MACRO form_meta_place(v) AS nullif(regexp_replace(lower(form_text(v)), '[^\p{L}\p{N}]', '', 'g'), '');

-- Lower case without spaces and hyphens; in the US the first five digits.
CREATE OR REPLACE TEMP MACRO form_meta_zip(v, country) AS
    nullif(left(regexp_replace(lower(form_text(v)), '[\s\p{Z}-]', '', 'g'), CASE WHEN country = 'US' THEN 5 ELSE 100 END), '');

-- Two lower-case letters.
CREATE OR REPLACE TEMP MACRO form_country(v) AS nullif(regexp_extract(lower(form_text(v)), '^[a-z]{2}$'), '');

-- Cells. None may run as a formula when a spreadsheet opens the file, and none is changed that a platform needs: typed cells go out as they are
-- after a full match of their pattern, so phones keep their plus; names lose leading characters that no name begins with. Prefixing with an
-- apostrophe or a tab is not done: it would make identifiers useless.

CREATE OR REPLACE TEMP MACRO cell_email(v) AS
    coalesce(regexp_extract(v, '^[A-Za-z0-9_][^\s,;"''@|=<>()]*@[A-Za-z0-9][A-Za-z0-9.-]*\.[A-Za-z0-9-]{2,}$'), '');

CREATE OR REPLACE TEMP MACRO cell_country(v) AS coalesce(regexp_extract(v, '^[A-Za-z]{2}$'), '');

CREATE OR REPLACE TEMP MACRO cell_zip(v) AS coalesce(regexp_extract(v, '^[A-Za-z0-9][A-Za-z0-9 -]{0,11}$'), '');

-- A name that cannot be taken for a formula.
CREATE OR REPLACE TEMP MACRO cell_name(v) AS
    coalesce(trim(regexp_replace(regexp_replace(regexp_replace(nfc_normalize(v::VARCHAR), '[\x00-\x1f\x7f]', ' ', 'g'),
        '^[\s\p{Z}=+\-@|%＝＋－＠]+', ''), '[\s\p{Z}]+', ' ', 'g')), '');

-- Any text as a cell; addresses of pages stay whole.
CREATE OR REPLACE TEMP MACRO cell_text(v) AS
    CASE WHEN starts_with(v, 'http://') OR starts_with(v, 'https://') THEN regexp_replace(v, '[\x00-\x1f\x7f]', ' ', 'g') ELSE cell_name(v) END;

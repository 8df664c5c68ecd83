"""Countries as boards name them, and their ISO 3166-1 codes of two letters."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

# code, three-letter code, and the names that boards use, English first. Source: ISO 3166-1 and its common short forms.
_TABLE: Final = """
AD AND Andorra|AE ARE United Arab Emirates,UAE|AF AFG Afghanistan|AG ATG Antigua and Barbuda|AI AIA Anguilla|AL ALB Albania
AM ARM Armenia|AO AGO Angola|AR ARG Argentina|AS ASM American Samoa|AT AUT Austria,Österreich|AU AUS Australia|AW ABW Aruba
AX ALA Åland Islands|AZ AZE Azerbaijan|BA BIH Bosnia and Herzegovina|BB BRB Barbados|BD BGD Bangladesh
BE BEL Belgium,Belgique,België,Belgien|BF BFA Burkina Faso|BG BGR Bulgaria|BH BHR Bahrain|BI BDI Burundi|BJ BEN Benin
BL BLM Saint Barthélemy|BM BMU Bermuda|BN BRN Brunei,Brunei Darussalam
BO BOL Bolivia,Plurinational State of Bolivia,Bolivia Plurinational State of|BR BRA Brazil,Brasil|BS BHS Bahamas,The Bahamas
BT BTN Bhutan|BW BWA Botswana|BY BLR Belarus|BZ BLZ Belize|CA CAN Canada
CD COD Democratic Republic of the Congo,Congo Kinshasa|CF CAF Central African Republic|CG COG Congo,Republic of the Congo
CH CHE Switzerland,Schweiz,Suisse,Svizzera|CI CIV Ivory Coast,Côte d'Ivoire|CK COK Cook Islands|CL CHL Chile|CM CMR Cameroon
CN CHN China,People's Republic of China,Mainland China|CO COL Colombia|CR CRI Costa Rica|CU CUB Cuba
CV CPV Cape Verde,Cabo Verde|CW CUW Curaçao|CY CYP Cyprus|CZ CZE Czechia,Czech Republic|DE DEU Germany,Deutschland,Allemagne
DJ DJI Djibouti|DK DNK Denmark,Danmark|DM DMA Dominica|DO DOM Dominican Republic|DZ DZA Algeria|EC ECU Ecuador|EE EST Estonia
EG EGY Egypt|ER ERI Eritrea|ES ESP Spain,España,Espagne,Spanien|ET ETH Ethiopia|FI FIN Finland,Suomi|FJ FJI Fiji
FK FLK Falkland Islands|FM FSM Micronesia|FO FRO Faroe Islands|FR FRA France,Frankreich|GA GAB Gabon
GB GBR United Kingdom,UK,Great Britain,United Kingdom of Great Britain and Northern Ireland,England,Scotland,Wales
GB GBR Northern Ireland|GD GRD Grenada|GE GEO Georgia|GF GUF French Guiana|GG GGY Guernsey|GH GHA Ghana|GI GIB Gibraltar
GL GRL Greenland|GM GMB Gambia|GN GIN Guinea|GP GLP Guadeloupe|GQ GNQ Equatorial Guinea|GR GRC Greece|GT GTM Guatemala
GU GUM Guam|GW GNB Guinea-Bissau|GY GUY Guyana|HK HKG Hong Kong,Hong Kong SAR,Hong Kong SAR China|HN HND Honduras
HR HRV Croatia|HT HTI Haiti|HU HUN Hungary|ID IDN Indonesia|IE IRL Ireland,Republic of Ireland|IL ISR Israel
IM IMN Isle of Man|IN IND India|IQ IRQ Iraq|IR IRN Iran,Iran Islamic Republic of|IS ISL Iceland
IT ITA Italy,Italia,Italie,Italien|JE JEY Jersey|JM JAM Jamaica|JO JOR Jordan|JP JPN Japan|KE KEN Kenya|KG KGZ Kyrgyzstan
KH KHM Cambodia|KI KIR Kiribati|KM COM Comoros|KN KNA Saint Kitts and Nevis|KP PRK North Korea
KR KOR South Korea,Korea,Republic of Korea,Korea South,Korea Republic of|KW KWT Kuwait|KY CYM Cayman Islands|KZ KAZ Kazakhstan
LA LAO Laos,Lao People's Democratic Republic|LB LBN Lebanon|LC LCA Saint Lucia|LI LIE Liechtenstein|LK LKA Sri Lanka
LR LBR Liberia|LS LSO Lesotho|LT LTU Lithuania|LU LUX Luxembourg|LV LVA Latvia|LY LBY Libya|MA MAR Morocco|MC MCO Monaco
MD MDA Moldova,Republic of Moldova,Moldova Republic of|ME MNE Montenegro|MG MDG Madagascar|MH MHL Marshall Islands
MK MKD North Macedonia,Macedonia|ML MLI Mali|MM MMR Myanmar,Burma,Myanmar Burma|MN MNG Mongolia|MO MAC Macao,Macau
MP MNP Northern Mariana Islands|MQ MTQ Martinique|MR MRT Mauritania|MT MLT Malta|MU MUS Mauritius|MV MDV Maldives
MW MWI Malawi|MX MEX Mexico,México|MY MYS Malaysia|MZ MOZ Mozambique|NA NAM Namibia|NC NCL New Caledonia|NE NER Niger
NG NGA Nigeria|NI NIC Nicaragua|NL NLD Netherlands,The Netherlands,Nederland,Niederlande,Holland|NO NOR Norway,Norge
NP NPL Nepal|NR NRU Nauru|NZ NZL New Zealand|OM OMN Oman|PA PAN Panama|PE PER Peru|PF PYF French Polynesia
PG PNG Papua New Guinea|PH PHL Philippines,The Philippines|PK PAK Pakistan|PL POL Poland,Polska,Polen|PR PRI Puerto Rico
PS PSE Palestine,Palestinian Territories|PT PRT Portugal|PW PLW Palau|PY PRY Paraguay|QA QAT Qatar|RE REU Réunion
RO ROU Romania|RS SRB Serbia|RU RUS Russia,Russian Federation|RW RWA Rwanda|SA SAU Saudi Arabia,Kingdom of Saudi Arabia
SB SLB Solomon Islands|SC SYC Seychelles|SD SDN Sudan|SE SWE Sweden,Sverige|SG SGP Singapore|SI SVN Slovenia
SK SVK Slovakia,Slovak Republic|SL SLE Sierra Leone|SM SMR San Marino|SN SEN Senegal|SO SOM Somalia|SR SUR Suriname
SS SSD South Sudan|ST STP Sao Tome and Principe|SV SLV El Salvador|SX SXM Sint Maarten|SY SYR Syria,Syrian Arab Republic
SZ SWZ Eswatini,Swaziland|TC TCA Turks and Caicos Islands|TD TCD Chad|TG TGO Togo|TH THA Thailand|TJ TJK Tajikistan
TL TLS Timor-Leste|TM TKM Turkmenistan|TN TUN Tunisia|TO TON Tonga|TR TUR Turkey,Türkiye|TT TTO Trinidad and Tobago
TV TUV Tuvalu|TW TWN Taiwan,Taiwan Province of China|TZ TZA Tanzania,Tanzania United Republic of|UA UKR Ukraine|UG UGA Uganda
US USA United States,United States of America,U.S.,U.S.A.,America|UY URY Uruguay|UZ UZB Uzbekistan|VA VAT Vatican City
VC VCT Saint Vincent and the Grenadines|VE VEN Venezuela,Venezuela Bolivarian Republic of|VG VGB British Virgin Islands
VI VIR U.S. Virgin Islands|VN VNM Vietnam,Viet Nam|VU VUT Vanuatu|WS WSM Samoa|XK XKX Kosovo|YE YEM Yemen|YT MYT Mayotte
ZA ZAF South Africa|ZM ZMB Zambia|ZW ZWE Zimbabwe
"""
_CODE: Final = re.compile(r"[A-Za-z]{2}")


def _letters(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name.replace("&", "and"))
    return "".join(letter for letter in plain.casefold() if letter.isalnum())


def _codes() -> dict[str, str]:
    known: dict[str, str] = {}
    for entry in _TABLE.replace("\n", "|").strip("|").split("|"):
        code, longer, names = entry.split(" ", 2)
        known |= dict.fromkeys(map(_letters, (code, longer, *names.split(","))), code)
    return known


_CODES: Final = _codes()


@lru_cache(maxsize=1024)
def code(name: str) -> str:
    """Return the ISO code of a country's name or code; what isn't known stays as it is."""
    letters = _letters(name)
    known = _CODES.get(letters) or _CODES.get(letters.removeprefix("the"))
    return known or (name.upper() if _CODE.fullmatch(name) else name)

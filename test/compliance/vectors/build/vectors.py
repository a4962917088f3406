#!/usr/bin/env python3
"""Makes ../calling-hours.csv: what the law says of a call to a consumer, in cases.

    python3 -m venv .venv && .venv/bin/pip install -r requirements.txt && .venv/bin/python vectors.py

It shares no code and no data with what it judges: the places, the laws and the holidays below were typed from the sources
named beside them, local times come from the system's time zone database, and the area codes and exchanges typed here are
checked against phonenumbers, the ZIP codes against zipcodes. Whoever changes a law in config/reference/calling-hours.json
changes it here too, from the source, by hand.
"""
import csv
import datetime as dt
import pathlib
import zoneinfo

import phonenumbers
import zipcodes
from phonenumbers import geocoder, timezone as phone_zones

UTC = dt.timezone.utc
ET, CT, MT, PT = 'America/New_York', 'America/Chicago', 'America/Denver', 'America/Los_Angeles'
PHX, ANC, ADAK, HON = 'America/Phoenix', 'America/Anchorage', 'America/Adak', 'Pacific/Honolulu'
PR, GUAM, PAGO = 'America/Puerto_Rico', 'Pacific/Guam', 'Pacific/Pago_Pago'

# State, an area code of it, the zones people of that area code live in, a ZIP code, its zone.
PLACES = [
    ('AL', 205, [CT], '35203', CT), ('AK', 907, [ANC, ADAK], '99501', ANC), ('AZ', 602, [PHX], '85004', PHX),
    ('AR', 501, [CT], '72201', CT), ('CA', 213, [PT], '90012', PT), ('CO', 303, [MT], '80202', MT),
    ('CT', 860, [ET], '06103', ET), ('DE', 302, [ET], '19801', ET), ('DC', 202, [ET], '20001', ET),
    ('FL', 305, [ET], '33130', ET), ('GA', 404, [ET], '30303', ET), ('HI', 808, [HON], '96813', HON),
    ('ID', 208, [MT, PT], '83702', MT), ('IL', 312, [CT], '60601', CT), ('IN', 317, [ET], '46204', ET),
    ('IA', 515, [CT], '50309', CT), ('KS', 316, [CT], '67202', CT), ('KY', 502, [ET], '40202', ET),
    ('LA', 504, [CT], '70112', CT), ('ME', 207, [ET], '04101', ET), ('MD', 410, [ET], '21202', ET),
    ('MA', 617, [ET], '02108', ET), ('MI', 313, [ET], '48226', ET), ('MN', 612, [CT], '55401', CT),
    ('MS', 601, [CT], '39201', CT), ('MO', 314, [CT], '63101', CT), ('MT', 406, [MT], '59601', MT),
    ('NE', 402, [CT], '68102', CT), ('NV', 702, [PT], '89101', PT), ('NH', 603, [ET], '03101', ET),
    ('NJ', 201, [ET], '07302', ET), ('NM', 505, [MT], '87102', MT), ('NY', 212, [ET], '10001', ET),
    ('NC', 704, [ET], '28202', ET), ('ND', 701, [CT, MT], '58102', CT), ('OH', 614, [ET], '43215', ET),
    ('OK', 405, [CT], '73102', CT), ('OR', 503, [PT], '97204', PT), ('PA', 215, [ET], '19103', ET),
    ('RI', 401, [ET], '02903', ET), ('SC', 803, [ET], '29201', ET), ('SD', 605, [CT, MT], '57104', CT),
    ('TN', 901, [CT], '38103', CT), ('TX', 214, [CT], '75201', CT), ('UT', 801, [MT], '84101', MT),
    ('VT', 802, [ET], '05401', ET), ('VA', 804, [ET], '23219', ET), ('WA', 206, [PT], '98101', PT),
    ('WV', 304, [ET], '25301', ET), ('WI', 414, [CT], '53202', CT), ('WY', 307, [MT], '82001', MT),
    ('PR', 787, [PR], '00901', PR), ('VI', 340, [PR], '00802', PR), ('GU', 671, [GUAM], '96910', GUAM),
    ('AS', 684, [PAGO], '96799', PAGO), ('MP', 670, [GUAM], '96950', GUAM),
]

# Area codes whose people keep several clocks. 555 is the exchange of none of them, so all must be awake. 432 is none of them:
# Texas keeps Mountain time in El Paso and Hudspeth counties alone, which are 915's.
SPLITS = [
    ('FL', 850, [ET, CT]), ('FL', 448, [ET, CT]), ('ID', 208, [MT, PT]), ('ID', 986, [MT, PT]), ('SD', 605, [CT, MT]),
    ('ND', 701, [CT, MT]), ('NE', 308, [CT, MT]), ('KS', 785, [CT, MT]), ('KS', 620, [CT, MT]), ('IN', 219, [ET, CT]),
    ('IN', 574, [ET, CT]), ('IN', 812, [ET, CT]), ('IN', 930, [ET, CT]), ('IN', 765, [ET, CT]), ('KY', 270, [ET, CT]),
    ('KY', 364, [ET, CT]), ('KY', 606, [ET, CT]), ('TN', 423, [ET, CT]), ('TN', 931, [ET, CT]), ('MI', 906, [ET, CT]),
    ('OR', 541, [PT, MT]), ('OR', 458, [PT, MT]), ('NV', 775, [PT, MT]), ('TX', 915, [MT, CT]),
    ('AZ', 928, [PHX, MT]), ('AK', 907, [ANC, ADAK]),
]

# Exchanges, the town each is of, its clock.
EXCHANGES = [
    ('FL', '850432', 'Pensacola', CT), ('FL', '850224', 'Tallahassee', ET), ('IN', '219933', 'Hammond', CT),
    ('NE', '308282', 'Gordon', MT), ('NE', '402555', 'Omaha', CT), ('ID', '208342', 'Boise', MT), ('ID', '208664', "Coeur d'Alene", PT),
    ('SD', '605334', 'Sioux Falls', CT), ('SD', '605342', 'Rapid City', MT), ('ND', '701235', 'Fargo', CT),
    ('IN', '812333', 'Bloomington', ET), ('IN', '812422', 'Evansville', CT), ('TN', '423265', 'Chattanooga', ET),
    ('TN', '931648', 'Clarksville', CT), ('MI', '906774', 'Iron Mountain', CT), ('OR', '541342', 'Eugene', PT),
    ('NV', '775323', 'Reno', PT), ('AZ', '928774', 'Flagstaff', PHX), ('TX', '915532', 'El Paso', MT),
]

DAILY = lambda start, end: [(start, end)] * 7
WEEK = lambda week, sat, sun: [week] * 5 + [sat, sun]
FEDERAL = DAILY(8, 21)  # 47 CFR 64.1200(c)(1)


def law(state, day):
    """The hours of a state on a local day, Monday first, and whether holidays forbid; None: the nation's."""
    def since(year, month, date):
        return day >= dt.date(year, month, date)
    if state == 'AL': return WEEK((8, 20), (8, 20), None), True  # Ala. Admin. Code 770-X-5-.17
    if state == 'CT': return DAILY(9, 20 if since(2023, 10, 1) else 21), False  # Public Act 23-98
    if state == 'FL': return DAILY(8, 20 if since(2021, 7, 1) else 21), False  # CS/SB 1120
    if state == 'KY': return DAILY(10, 21), False
    if state == 'LA': return WEEK((8, 20), (8, 20), None), True  # PSC General Order R-29617
    if state == 'MD': return (DAILY(8, 20), False) if since(2024, 1, 1) else None  # SB 90 (2023)
    if state == 'MA': return DAILY(8, 20), False
    if state == 'MI': return DAILY(9, 21), False
    if state == 'MN': return DAILY(9, 21), False
    if state == 'MS': return WEEK((8, 20), (8, 20), None), not since(2024, 6, 3)  # Miss. Code 77-3-723
    if state == 'NV': return DAILY(9, 20), False
    if state == 'NM': return DAILY(9, 21), False
    if state == 'OK': return DAILY(8, 20 if since(2022, 11, 1) else 21), False  # HB 3168
    if state == 'PA': return (WEEK((8, 21), (8, 12), (8, 21)), True) if since(2019, 12, 3) else None  # 44 P.S. 11
    if state == 'RI': return WEEK((9, 18), (10, 17), None), True  # R.I. Gen. Laws 5-61-2
    if state == 'TX': return WEEK((9, 21), (9, 21), (12, 21)), False  # Bus. & Com. Code 301.051
    if state == 'UT': return WEEK((8, 21), (8, 21), None), True  # Utah Code 13-25a-103(3)
    if state == 'WA': return DAILY(8, 20), False  # RCW 80.36.390
    return None


# Days, written out from calendars: those of the nation are on both the day and its observed weekday.
NATIONAL = '''2024-01-01 2024-01-15 2024-02-19 2024-05-27 2024-06-19 2024-07-04 2024-09-02 2024-10-14 2024-11-11 2024-11-28 2024-12-25
2026-01-01 2026-01-19 2026-02-16 2026-05-25 2026-06-19 2026-07-03 2026-07-04 2026-09-07 2026-10-12 2026-11-11 2026-11-26 2026-12-25
2027-01-01 2027-01-18 2027-02-15 2027-05-31 2027-06-18 2027-06-19 2027-07-04 2027-07-05 2027-09-06 2027-10-11 2027-11-11 2027-11-25 2027-12-24 2027-12-25 2027-12-31'''.split()
OWN = {
    'AL': '2026-02-17 2026-04-27 2026-06-01 2027-02-09 2027-04-26 2027-06-07'.split(),
    'LA': '2026-02-17 2026-04-03 2027-02-09 2027-03-26'.split(),
    'PA': '2026-04-03 2026-06-14 2026-06-15 2026-11-03 2027-03-26 2027-06-14 2027-11-02'.split(),
    'RI': '2026-05-04 2026-08-10 2026-11-03 2027-05-04 2027-08-09'.split(),
    'UT': '2026-06-15 2026-07-24 2027-06-21 2027-07-23 2027-07-24'.split(),
}
PRESUMES = {'CT': dt.date(2023, 10, 1), 'FL': dt.date(2021, 7, 1), 'OK': dt.date(2022, 11, 1)}
# Calls a day on one subject, and since when.
LIMITS = {'FL': (3, dt.date(2021, 7, 1)), 'OK': (3, dt.date(2022, 11, 1)), 'MD': (3, dt.date(2024, 1, 1))}


def window(state, day):
    """(first hour, hour after the last), or None; and the rule's name."""
    own = law(state, day)
    if own is None:
        return FEDERAL[day.weekday()], 'calling-hours:US'
    week, closed_on_holidays = own
    rule = f'calling-hours:{state}'
    if closed_on_holidays and (str(day) in NATIONAL or str(day) in OWN.get(state, ())):
        return None, rule
    return week[day.weekday()], rule


def judge(places, at):
    """Whether the hours allow it, and the rule that speaks: of the first place that is closed, else of the first."""
    first = None
    for state, zone in places:
        wall = at.astimezone(zoneinfo.ZoneInfo(zone))
        hours, rule = window(state, wall.date())
        first = first or rule
        clock = wall.hour + wall.minute / 60 + wall.second / 3600
        if hours is None or not hours[0] <= clock < hours[1]:
            return False, rule
    return True, first


def wall(zone, text, fold=0):
    return dt.datetime.fromisoformat(text).replace(tzinfo=zoneinfo.ZoneInfo(zone), fold=fold).astimezone(UTC)


def number_of(npa, rest='5550123'):
    return f'+1{npa}{rest}'


BY_NPA = {npa: (state, zones) for state, npa, zones, *_ in PLACES + SPLITS}
BY_ZIP = {zip_code: (state, zone) for state, _, _, zip_code, zone in PLACES}
BY_ZIP.update({
    '32501': ('FL', CT), '32301': ('FL', ET), '79901': ('TX', MT), '86515': ('AZ', MT), '86001': ('AZ', PHX),
    '83814': ('ID', PT), '57701': ('SD', MT), '46402': ('IN', CT), '37402': ('TN', ET), '49801': ('MI', CT),
    '97914': ('OR', MT), '67735': ('KS', MT), '42101': ('KY', CT), '99546': ('AK', ADAK), '10002': ('NY', ET),
})
BY_EXCHANGE = {exchange: (state, zone) for state, exchange, _, zone in EXCHANGES}
cases = []


def add(group, about, at, number='', leg='outbound', zip='', consent_zip='', ivr_zip='', account_zip='', originated=None,
        earlier=()):
    by_number, kind = [], 'none'
    if number.startswith('+1'):
        npa, exchange = int(number[2:5]), number[2:8]
        if exchange in BY_EXCHANGE:
            by_number, kind = [BY_EXCHANGE[exchange]], 'npa-nxx'
        elif npa in BY_NPA:
            state, zones = BY_NPA[npa]
            by_number, kind = [(state, zone) for zone in zones], 'npa'
    moment = originated or at
    places, evidence = by_number, kind
    if zip and consent_zip and BY_ZIP.get(zip) != BY_ZIP.get(consent_zip) and zip in BY_ZIP and consent_zip in BY_ZIP:
        places, evidence = [BY_ZIP[zip], BY_ZIP[consent_zip]], 'zip+consent-zip'
    else:
        for code, name in ((zip, 'zip'), (consent_zip, 'consent-zip'), (ivr_zip, 'ivr-zip'), (account_zip, 'account-zip')):
            if code in BY_ZIP:
                places, evidence = [BY_ZIP[code]], name
                break
    if places is not by_number:
        presumed = [(state, zone) for state, zone in by_number if state in PRESUMES
                    and moment.astimezone(zoneinfo.ZoneInfo(zone)).date() >= PRESUMES[state]
                    and state not in {one for one, _ in places}]
        if presumed:
            places, evidence = places + presumed, f'{evidence}+{kind}'
    if places:
        allowed, rule = judge(places, moment)
    else:
        allowed, rule = False, 'calling-hours:unknown-location'
    if allowed and number:
        for state, zone in places:
            if state not in LIMITS or at.astimezone(zoneinfo.ZoneInfo(zone)).date() < LIMITS[state][1]:
                continue
            if sum(hours < 24 for hours in earlier) >= LIMITS[state][0]:
                allowed, rule = False, f'call-frequency:{state}'
                break
    verdict = 'allow' if allowed else 'advisory' if leg == 'inbound' else 'block'
    cases.append({
        'group': group, 'about': about, 'number': number, 'zip': zip, 'consent_zip': consent_zip, 'ivr_zip': ivr_zip,
        'account_zip': account_zip, 'at': stamp(at), 'originated_at': stamp(originated) if originated else '', 'leg': leg,
        'earlier_calls_hours_ago': ' '.join(str(hours) for hours in earlier), 'verdict': verdict, 'rule': rule,
        'evidence': evidence,
    })


def stamp(at):
    return at.strftime('%Y-%m-%dT%H:%M:%SZ')


SECOND = dt.timedelta(seconds=1)
LEGS = ('outbound', 'transfer')


def edges(group, state, zones, **who):
    """The first and last second on a Friday, a Saturday and a Sunday, and noon where the day is closed."""
    for day in ('2026-11-20', '2026-11-21', '2026-11-22'):
        name = dt.date.fromisoformat(day).strftime('%A')
        hours, _ = window(state, dt.date.fromisoformat(day))
        if hours is None:
            add(group, f'{state}: no calls on {name}', wall(zones[0], f'{day}T12:00'), **who)
            continue
        first = max(wall(zone, f'{day}T{hours[0]:02}:00') for zone in zones)
        last = min(wall(zone, f'{day}T{hours[1]:02}:00') for zone in zones)
        add(group, f'{state}: {name} a second too early', first - SECOND, **who)
        add(group, f'{state}: {name} opens', first, **who)
        add(group, f'{state}: {name} the last second', last - SECOND, **who)
        add(group, f'{state}: {name} closes', last, **who)


def states():
    for index, (state, npa, zones, zip_code, zone) in enumerate(PLACES):
        edges('state', state, zones, number=number_of(npa), leg=LEGS[index % 2])
        edges('zip', state, [zone], number='+18005550123', zip=zip_code, leg=LEGS[(index + 1) % 2])
        add('inbound', f'{state}: the consumer dialled at night', wall(zone, '2026-11-20T03:00'), number_of(npa), 'inbound')


def splits():
    for state, npa, zones in SPLITS:
        number = number_of(npa)
        hours, _ = window(state, dt.date(2026, 7, 1))
        opens = [wall(zone, f'2026-07-01T{hours[0]:02}:00') for zone in zones]
        closes = [wall(zone, f'2026-07-01T{hours[1]:02}:00') for zone in zones]
        add('split', f'{npa}: open in one zone alone', min(opens), number)
        add('split', f'{npa}: open in all its zones', max(opens), number)
        add('split', f'{npa}: the last second in all', min(closes) - SECOND, number)
        add('split', f'{npa}: closed in one zone', min(closes), number)
    for state, exchange, town, zone in EXCHANGES:
        number = f'+1{exchange}0123'
        hours, _ = window(state, dt.date(2026, 7, 1))
        add('exchange', f'{town}: a second too early', wall(zone, f'2026-07-01T{hours[0]:02}:00') - SECOND, number)
        add('exchange', f'{town}: opens', wall(zone, f'2026-07-01T{hours[0]:02}:00'), number)
        add('exchange', f'{town}: closes', wall(zone, f'2026-07-01T{hours[1]:02}:00'), number)
    for zip_code, (state, zone) in BY_ZIP.items():
        if any(row[3] == zip_code for row in PLACES):
            continue
        hours, _ = window(state, dt.date(2026, 7, 1))
        for text, at in (('a second too early', wall(zone, f'2026-07-01T{hours[0]:02}:00') - SECOND),
                         ('opens', wall(zone, f'2026-07-01T{hours[0]:02}:00')),
                         ('closes', wall(zone, f'2026-07-01T{hours[1]:02}:00'))):
            add('exchange', f'{zip_code} {state}: {text}', at, zip=zip_code)


def clocks():
    for state, npa, zone in (('NY', 212, ET), ('IL', 312, CT), ('CO', 303, MT), ('CA', 213, PT), ('AZ', 602, PHX), ('HI', 808, HON),
                             ('FL', 305, ET), ('WA', 206, PT)):
        number = number_of(npa)
        for day in ('2026-03-07', '2026-03-08', '2026-03-09', '2026-10-31', '2026-11-01', '2026-11-02'):
            hours, _ = window(state, dt.date.fromisoformat(day))
            opens, closes = (wall(zone, f'{day}T{hour:02}:00') for hour in hours)
            add('clocks', f'{state} {day}: a second too early', opens - SECOND, number)
            add('clocks', f'{state} {day}: opens', opens, number)
            add('clocks', f'{state} {day}: closes', closes, number)
        for fold in (0, 1):
            add('clocks', f'{state}: 01:30 of the double hour', wall(zone, '2026-11-01T01:30', fold), number)
    # The hour that is skipped is not lost to the hours: at 07:00 UTC-4 of that Sunday an hour less has passed than on others.
    add('clocks', 'the Navajo Nation keeps summer time and Arizona does not', wall(PHX, '2026-07-01T20:30'), number_of(928))
    add('clocks', 'in winter they agree', wall(PHX, '2026-12-01T20:30'), number_of(928))


def holidays():
    zone_of = {state: (npa, zones[0]) for state, npa, zones, *_ in PLACES}
    for state in ('AL', 'LA', 'PA', 'RI', 'UT'):
        npa, zone = zone_of[state]
        for day in [*NATIONAL, *OWN[state]]:
            if day.startswith('2024') and state != 'LA':
                continue
            add('holiday', f'{state}: {day}', wall(zone, f'{day}T11:00'), number_of(npa))
        for day in ('2026-11-25', '2026-11-27', '2026-07-07', '2026-08-11'):
            add('holiday', f'{state}: {day} is none', wall(zone, f'{day}T11:00'), number_of(npa))
    for state in ('TX', 'FL', 'NY', 'MS', 'CA', 'GA'):
        npa, zone = zone_of[state]
        for day in ('2026-07-03', '2026-11-26', '2026-12-25'):
            add('holiday', f'{state}: calls on {day}', wall(zone, f'{day}T12:00'), number_of(npa))


def laws_that_changed():
    for state, npa, zone, day in (('FL', 305, ET, '2021-07-01'), ('OK', 405, CT, '2022-11-01'), ('CT', 860, ET, '2023-10-01'),
                                  ('MD', 410, ET, '2024-01-01')):
        before = str(dt.date.fromisoformat(day) - dt.timedelta(days=1))
        add('dated', f'{state}: 20:30 on the last day of the old law', wall(zone, f'{before}T20:30'), number_of(npa))
        add('dated', f'{state}: 20:30 on the first of the new', wall(zone, f'{day}T20:30'), number_of(npa))
    add('dated', 'PA: Thanksgiving before Act 73', wall(ET, '2019-11-28T12:00'), number_of(215))
    add('dated', 'PA: a Saturday evening before Act 73', wall(ET, '2019-11-30T19:00'), number_of(215))
    add('dated', 'MS: Memorial Day while the rule stood', wall(CT, '2024-05-27T12:00'), number_of(601))
    add('dated', 'MS: Independence Day since it is gone', wall(CT, '2024-07-04T12:00'), number_of(601))


def evidence():
    early = wall(ET, '2026-11-20T08:30')  # 07:30 in Chicago, 05:30 in Los Angeles.
    noon = wall(ET, '2026-11-20T14:00')  # 09:00 in Honolulu.
    new_york, chicago, denver, honolulu = '10001', '60601', '80202', '96813'
    add('evidence', 'the ZIP of the call before the number', early, number_of(213), zip=new_york)
    add('evidence', 'the ZIP of the consent before the number', early, number_of(213), consent_zip=new_york)
    add('evidence', 'the ZIP of the menu before the number', early, number_of(213), ivr_zip=new_york)
    add('evidence', 'the ZIP of the account before the number', early, number_of(213), account_zip=new_york)
    add('evidence', 'the ZIP of the call before that of the menu', early, number_of(213), zip=chicago, ivr_zip=new_york)
    add('evidence', 'the ZIP of the consent before that of the menu', early, number_of(213), consent_zip=new_york, ivr_zip=denver)
    add('evidence', 'the ZIP of the menu before that of the account', early, number_of(213), ivr_zip=new_york, account_zip=honolulu)
    add('evidence', 'call and consent differ: both count', early, number_of(213), zip=new_york, consent_zip=chicago)
    add('evidence', 'call and consent differ: both are open', noon, number_of(213), zip=new_york, consent_zip=chicago)
    add('evidence', 'call and consent are one place', early, number_of(213), zip=new_york, consent_zip='10002')
    add('evidence', 'a ZIP that there is not says nothing', early, number_of(212), zip='00000')
    add('evidence', 'nor does it hide a better one', early, number_of(213), zip='00000', ivr_zip=new_york)
    add('evidence', 'toll-free and a ZIP', early, '+18885550123', zip=new_york)
    for number in ('+18005550123', '+18885550123', '+14165550123', '+442071234567', '+15005550123', ''):
        add('evidence', 'nobody knows where', noon, number)
        add('evidence', 'nobody knows where and the consumer dialled', noon, number, 'inbound')
    for state, npa, zone in (('FL', 305, ET), ('OK', 405, CT), ('CT', 860, ET)):
        late = wall(zone, '2026-11-20T20:30')
        add('evidence', f'{state} presumes residence from its area code', late, number_of(npa), zip='90012')
        add('evidence', f'{state} presumes it in its hours', late - dt.timedelta(hours=2), number_of(npa), zip='90012')
    add('evidence', 'Texas presumes nothing', wall(CT, '2026-11-20T21:30'), number_of(214), zip='90012')
    add('evidence', 'Florida presumed nothing before its law', wall(ET, '2021-06-30T21:30'), number_of(305), zip='90012')


def transfers():
    number = number_of(212)
    end = wall(ET, '2026-11-20T21:00')
    add('transfer', 'called in time and passed on late', end + dt.timedelta(minutes=10), number, 'transfer', originated=end - SECOND)
    add('transfer', 'called too late', end + dt.timedelta(minutes=10), number, 'transfer', originated=end)
    add('transfer', 'nobody says when it was called', end + dt.timedelta(minutes=10), number, 'transfer')
    opens = wall(ET, '2026-11-20T08:00')
    add('transfer', 'called too early and passed on in time', opens + SECOND, number, 'transfer', originated=opens - SECOND)


def limits():
    for state, npa, zone in (('FL', 305, ET), ('OK', 405, CT), ('MD', 410, ET)):
        noon, number = wall(zone, '2026-11-20T12:00'), number_of(npa)
        add('limit', f'{state}: the third call of a day', noon, number, earlier=(1, 2))
        add('limit', f'{state}: the fourth', noon, number, earlier=(1, 2, 3))
        add('limit', f'{state}: three but one was yesterday', noon, number, earlier=(1, 2, 25))
        add('limit', f'{state}: the fourth in the last minutes of 24 hours', noon, number, earlier=(1, 2, 23.9))
        add('limit', f'{state}: the consumer dialled', noon, number, 'inbound', earlier=(1, 2, 3))
    add('limit', 'CA: no limit', wall(PT, '2026-11-20T12:00'), number_of(213), earlier=(1, 2, 3, 4))
    add('limit', 'MD: by the ZIP alone', wall(ET, '2026-11-20T12:00'), number_of(213), zip='21202', earlier=(1, 2, 3))


def predecessor():
    """What the Go predecessor got wrong, measured (its own validator let these pass, or refused them)."""
    for state, npa, zone in (('IL', 312, CT), ('TX', 214, CT), ('FL', 305, ET), ('LA', 504, CT)):
        for minute in ('21:00', '21:59'):
            add('go-1', f'{state}: {minute} was allowed', wall(zone, f'2026-11-20T{minute}'), number_of(npa))
    add('go-2', 'Florida was open until 21:00', wall(ET, '2026-11-20T20:30'), number_of(305))
    add('go-3', 'Texas was open at 08:30', wall(CT, '2026-11-20T08:30'), number_of(214))
    add('go-3', 'Texas was open before noon on Sunday', wall(CT, '2026-11-22T11:30'), number_of(214))
    for state, npa, zone in (('LA', 504, CT), ('AL', 205, CT), ('MS', 601, CT), ('UT', 801, MT)):
        add('go-4', f'{state}: Sunday was open', wall(zone, '2026-11-22T12:00'), number_of(npa))
        add('go-4', f'{state}: Sunday evening was open', wall(zone, '2026-11-22T20:30'), number_of(npa))
    add('go-5', 'its holidays were never read', wall(CT, '2026-11-26T12:00'), number_of(504))
    add('go-6', 'an unknown place was New York', wall(ET, '2026-11-20T12:00'), '+18005550123')
    add('go-6', 'so was Canada', wall(ET, '2026-11-20T12:00'), '+14165550123')
    add('go-7', 'no rule of a state could refuse', wall(ET, '2026-11-20T09:30'), number_of(502))
    add('go-8', 'calls a day were never counted', wall(ET, '2026-11-20T12:00'), number_of(305), earlier=(1, 2, 3))
    add('go-9', 'New Jersey was Verizon: a number says nothing of its carrier', wall(ET, '2026-11-20T12:00'), number_of(201))
    add('go-10', 'California was said to close at 20:00', wall(PT, '2026-11-20T20:30'), number_of(213))
    add('go-10', 'and to allow three calls a day', wall(PT, '2026-11-20T12:00'), number_of(213), earlier=(1, 2, 3))
    add('go-11', 'an inbound caller needed a stored consent', wall(ET, '2026-11-20T12:00'), number_of(212), 'inbound')
    add('go-11', 'also at night', wall(ET, '2026-11-20T23:00'), number_of(212), 'inbound')
    add('go-12', 'one clock for an area code: Pensacola was on New York time', wall(ET, '2026-11-20T08:30'), '+18504320123')
    add('go-12', 'and El Paso on Central', wall(MT, '2026-11-22T11:30'), '+19155320123')


def check_what_was_typed():
    """The area codes, exchanges and ZIP codes above are what others say too."""
    alike = {'America/Detroit': ET, 'America/Indiana/Indianapolis': ET, 'America/Kentucky/Louisville': ET, 'America/Boise': MT,
             'America/Juneau': ANC, 'America/Menominee': CT, 'America/Indiana/Tell_City': CT, 'America/Nome': ANC, 'America/St_Thomas': PR, 'Pacific/Saipan': GUAM}
    for state, npa, zones, zip_code, zone in PLACES:
        found = {alike.get(each, each) for each in phone_zones.time_zones_for_number(phonenumbers.parse(number_of(npa)))}
        assert found & set(zones) or found == {'Etc/Unknown'}, (state, npa, found)
        row = zipcodes.matching(zip_code)[0]
        assert row['state'] == state and alike.get(row['timezone'], row['timezone']) == zone, row
    for state, exchange, town, zone in EXCHANGES:
        said = geocoder.description_for_number(phonenumbers.parse(f'+1{exchange}0123'), 'en')
        assert said == f'{town}, {state}', (exchange, said)
    for zip_code, (state, zone) in BY_ZIP.items():
        row = zipcodes.matching(zip_code)[0]
        assert row['state'] == state and alike.get(row['timezone'], row['timezone']) == zone, row


def main():
    check_what_was_typed()
    for group in (states, splits, clocks, holidays, laws_that_changed, evidence, transfers, limits, predecessor):
        group()
    for index, case in enumerate(cases, 1):
        case['id'] = index
    path = pathlib.Path(__file__).resolve().parent.parent / 'calling-hours.csv'
    with path.open('w', newline='') as file:
        writer = csv.DictWriter(file, ['id', *[name for name in cases[0] if name != 'id']], lineterminator='\n')
        writer.writeheader()
        writer.writerows(cases)
    assert all(',' not in str(value) for case in cases for value in case.values())
    print(len(cases), 'cases')


if __name__ == '__main__':
    main()

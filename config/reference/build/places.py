#!/usr/bin/env python3
"""Makes ../nanp.json and ../zips.json: where North American numbers and ZIP codes are.

    python3 -m venv .venv && .venv/bin/pip install -r requirements.txt && .venv/bin/python places.py

A state is the one its area code (NPA) serves: no US area code crosses a state line. The zones of an area code are all those
its exchanges (phonenumbers) and the ZIP codes it serves in that state (zipcodes) keep. An area code with one zone needs no
more; in the others each exchange (NXX) gets the zones that are sure, in this order:
  1. the geocoder knows the exchange's city, and all ZIP codes of that city keep one zone;
  2. the time zone map knows the exchange itself (a match longer than the area code: what is shorter is only the majority);
  3. all zones of the area code. Where 1 and 2 disagree: both.
Zones whose clocks have agreed since 2020 and will until 2037 are one zone here (America/Detroit is America/New_York): fewer
zones to keep warm, and no pair counted twice.
"""
import collections
import datetime
import json
import pathlib
import zoneinfo

import phonenumbers
import zipcodes
from phonenumbers import PhoneNumber, PhoneNumberType
from phonenumbers.geodata import GEOCODE_DATA
from phonenumbers.tzdata import TIMEZONE_DATA

HERE = pathlib.Path(__file__).resolve().parent.parent
TERRITORIES = {'PR', 'VI', 'GU', 'AS', 'MP'}
UNKNOWN = '-'
SYMBOLS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

# Where the ZIP data is wrong: Tuba City is on the Navajo Nation, which keeps summer time; Page and Napakiak do as their
# state; West Wendover, Nevada, keeps Mountain time by federal rule (64 FR 56705). Post office boxes of El Paso and of Flagstaff
# keep their city's time: all the other ZIP codes of both say so.
ZIP_ZONES = {'86045': 'America/Denver', '86040': 'America/Phoenix', '99634': 'America/Anchorage', '89883': 'America/Denver',
             '79942': 'America/Denver', '86003': 'America/Phoenix'}

STATE_NAMES = {
    'Alabama': 'AL', 'Alaska': 'AK', 'Arizona': 'AZ', 'Arkansas': 'AR', 'California': 'CA', 'Colorado': 'CO',
    'Connecticut': 'CT', 'Delaware': 'DE', 'Washington D.C.': 'DC', 'Florida': 'FL', 'Georgia': 'GA', 'Hawaii': 'HI',
    'Idaho': 'ID', 'Illinois': 'IL', 'Indiana': 'IN', 'Iowa': 'IA', 'Kansas': 'KS', 'Kentucky': 'KY', 'Louisiana': 'LA',
    'Maine': 'ME', 'Maryland': 'MD', 'Massachusetts': 'MA', 'Michigan': 'MI', 'Minnesota': 'MN', 'Mississippi': 'MS',
    'Missouri': 'MO', 'Montana': 'MT', 'Nebraska': 'NE', 'Nevada': 'NV', 'New Hampshire': 'NH', 'New Jersey': 'NJ',
    'New Mexico': 'NM', 'New York': 'NY', 'North Carolina': 'NC', 'North Dakota': 'ND', 'Ohio': 'OH', 'Oklahoma': 'OK',
    'Oregon': 'OR', 'Pennsylvania': 'PA', 'Rhode Island': 'RI', 'South Carolina': 'SC', 'South Dakota': 'SD',
    'Tennessee': 'TN', 'Texas': 'TX', 'Utah': 'UT', 'Vermont': 'VT', 'Virginia': 'VA', 'Washington State': 'WA',
    'Washington': 'WA', 'West Virginia': 'WV', 'Wisconsin': 'WI', 'Wyoming': 'WY',
}

# The names zones are merged into come first, so that the best known one wins.
PREFERRED = ['America/New_York', 'America/Chicago', 'America/Denver', 'America/Phoenix', 'America/Los_Angeles',
             'America/Anchorage', 'America/Adak', 'Pacific/Honolulu', 'America/Puerto_Rico', 'Pacific/Guam',
             'Pacific/Pago_Pago']
_canonical = {}


def clock_of(zone):
    """What a zone's clocks showed and will show: its offset at every hour of 2020 and every sixth of 2021–2037."""
    info = zoneinfo.ZoneInfo(zone)
    at = datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)
    end = datetime.datetime(2038, 1, 1, tzinfo=datetime.timezone.utc)
    offsets = []
    while at < end:
        offsets.append(at.astimezone(info).utcoffset().total_seconds())
        at += datetime.timedelta(hours=6)
    return tuple(offsets)


CLOCKS = {zone: clock_of(zone) for zone in PREFERRED}


def canonical(zone):
    if zone not in _canonical:
        clock = clock_of(zone)
        _canonical[zone] = next((name for name in PREFERRED if CLOCKS[name] == clock), zone)
    return _canonical[zone]


def region_of(npa):
    for rest in (2345678, 5550123, 6342345, 4732345):
        region = phonenumbers.region_code_for_number(PhoneNumber(1, npa * 10_000_000 + rest))
        if region:
            return region
    return None


def longest(table, digits, shortest):
    for length in range(len(digits), shortest - 1, -1):
        if digits[:length] in table:
            return table[digits[:length]]
    return None


def read_zips():
    rows = []
    for row in zipcodes.list_all():
        zone = ZIP_ZONES.get(row['zip_code'], row['timezone'])
        # Military post offices have no zone: the unit's clocks are anywhere. Micronesia, Palau and the Marshalls are abroad.
        if not zone or row['state'] in ('AE', 'AP', 'AA', 'FM', 'PW', 'MH'):
            continue
        rows.append({**row, 'zone': canonical(zone)})
    rows.sort(key=lambda row: row['zip_code'])
    assert len({row['zip_code'] for row in rows}) == len(rows)
    return rows


def state_of(npa, region, zips):
    if region in TERRITORIES:
        return region
    name = (GEOCODE_DATA.get(f'1{npa}') or {}).get('en', '')
    if name in STATE_NAMES:
        return STATE_NAMES[name]
    if ', ' in name:
        return name.rsplit(', ', 1)[1]
    counted = collections.Counter(row['state'] for row in zips)
    return counted.most_common(1)[0][0] if counted else None


def zones_of_exchange(npa, nxx, state, zones, city_zones):
    digits = f'1{npa}{nxx}'
    place = (longest(GEOCODE_DATA, digits, 5) or {}).get('en', '')
    by_city = set()
    if ', ' in place:
        city, there = place.rsplit(', ', 1)
        if there == state:
            by_city = city_zones.get((city.lower(), state), set())
    # A city in two zones tells nothing: which side the exchange is on is unknown.
    by_city = by_city if len(by_city) == 1 else set()
    by_map = {canonical(zone) for zone in longest(TIMEZONE_DATA, digits, 5) or ()}
    if state == 'AK' and 'Pacific/Honolulu' in by_map:
        by_map.add('America/Adak')  # The Aleutians west of 169°30′ W keep Hawaii's standard time, and summer time besides.
    sure = (by_city | by_map) & zones
    return sure or None


def main():
    rows = read_zips()
    zips_of_npa = collections.defaultdict(list)
    city_zones = collections.defaultdict(set)
    for row in rows:
        for npa in row['area_codes']:
            zips_of_npa[int(npa)].append(row)
        for city in [row['city'], *row['acceptable_cities']]:
            city_zones[(city.lower(), row['state'])].add(row['zone'])

    npas, countries, toll_free, no_place = {}, collections.defaultdict(list), [], []
    split = exact = 0
    for npa in range(200, 1000):
        kind = phonenumbers.number_type(PhoneNumber(1, npa * 10_000_000 + 2345678))
        region = region_of(npa)
        if kind == PhoneNumberType.TOLL_FREE:
            toll_free.append(npa)
            continue
        if kind in (PhoneNumberType.PREMIUM_RATE, PhoneNumberType.PERSONAL_NUMBER):
            no_place.append(npa)
            continue
        if region is None:
            continue
        if region != 'US' and region not in TERRITORIES:
            countries[region].append(npa)
            continue
        state = state_of(npa, region, zips_of_npa[npa])
        assert state, npa
        prefixes = [data for prefix, data in TIMEZONE_DATA.items() if prefix.startswith(f'1{npa}') and len(prefix) > 4]
        in_state = {row['zone'] for row in rows if row['state'] == state}
        served = {row['zone'] for row in zips_of_npa[npa] if row['state'] == state}
        # The map's entry for the whole area code is a guess at its majority (it puts 689, Orlando, in Chicago): it counts
        # only where no ZIP code says better.
        prefixes += [] if served else [TIMEZONE_DATA.get(f'1{npa}', ())]
        zones = served | {canonical(zone) for data in prefixes for zone in data}
        # A zone no ZIP code of the state keeps is an artefact of the map (it writes some states' zones loosely).
        zones &= in_state
        zones = zones or in_state
        assert zones, (npa, state)
        entry = {'state': state, 'zones': sorted(zones)}
        if len(zones) > 1:
            split += 1
            sets, symbols = [], ''
            for nxx in range(200, 1000):
                sure = zones_of_exchange(npa, nxx, state, zones, city_zones)
                if sure is None or sure == zones:
                    symbols += UNKNOWN
                    continue
                exact += 1
                index = sorted(entry['zones'].index(zone) for zone in sure)
                if index not in sets:
                    sets.append(index)
                symbols += SYMBOLS[sets.index(index)]
            entry['sets'] = sets
            # Runs, `3a12-`: three exchanges of set a, twelve unknown.
            runs, at = '', 0
            while at < len(symbols):
                end = at
                while end < len(symbols) and symbols[end] == symbols[at]:
                    end += 1
                runs += f'{end - at}:{symbols[at]} '
                at = end
            entry['exchanges'] = runs.strip()
        npas[npa] = entry

    calling_codes = {
        str(code): regions[0]
        for code, regions in sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items())
        if code != 1 and regions[0] != '001'
    }
    made_of = {'phonenumbers': phonenumbers.__version__, 'zipcodes': '3.0.0'}
    write('nanp.json', {
        'madeOf': made_of, 'npas': npas, 'countries': dict(sorted(countries.items())), 'tollFree': toll_free,
        'noPlace': no_place, 'callingCodes': calling_codes,
    })

    states = sorted({row['state'] for row in rows})
    zones = sorted({row['zone'] for row in rows})
    cities = sorted({row['city'] for row in rows})
    city_index = {city: index for index, city in enumerate(cities)}
    write('zips.json', {
        'madeOf': made_of, 'states': states, 'zones': zones, 'cities': cities,
        'zip': deltas([int(row['zip_code']) for row in rows]),
        'city': [city_index[row['city']] for row in rows],
        'state': [states.index(row['state']) for row in rows],
        'zone': [zones.index(row['zone']) for row in rows],
        'lat': [round(float(row['lat']) * 1000) for row in rows],
        'lon': [round(float(row['long']) * 1000) for row in rows],
    })
    print(f'{len(npas)} area codes, {split} with several zones, {exact} exchanges of those placed; {len(rows)} ZIP codes')
    print('zones:', zones)


def deltas(numbers):
    return [number - before for before, number in zip([0, *numbers], numbers)]


def write(name, content):
    # A line for each property (and each area code): small, and a new release of the data reads as a diff.
    lines = []
    for key, value in content.items():
        if key == 'npas':
            inner = ',\n'.join(f'{json.dumps(str(npa))}:{json.dumps(entry, separators=(",", ":"))}' for npa, entry in value.items())
            lines.append(f'"npas":{{\n{inner}\n}}')
        else:
            lines.append(f'{json.dumps(key)}:{json.dumps(value, separators=(",", ":"), ensure_ascii=False)}')
    (HERE / name).write_text('{\n' + ',\n'.join(lines) + '\n}\n')


if __name__ == '__main__':
    main()

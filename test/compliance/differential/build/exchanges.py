#!/usr/bin/env python3
"""Makes ../phonenumbers-zones.json and ../disagreements.csv: our table of exchanges beside libphonenumber's own answers.

    python3 -m venv .venv && .venv/bin/pip install -r requirements.txt && .venv/bin/python exchanges.py

The first file is what `phonenumbers` answers, by its public interface, for each of the 800 exchanges of every US area code it
knows to have a place (toll-free, premium and personal numbers have none). The second lists where ours
(config/reference/nanp.json, read here by a reader of its own) says otherwise:
  lacks   it names a zone that ours does not: somebody may be called too early or too late if it is right
  wider   ours names more zones than it: its one zone is the majority of the area code, and the law needs all
Zones whose clocks have agreed since 2020 are one zone, as in our table.
"""
import csv
import functools
import json
import pathlib
import sys

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberType
from phonenumbers import timezone as phone_zones

HERE = pathlib.Path(__file__).resolve().parent.parent
REFERENCE = HERE.parent.parent.parent / 'config' / 'reference'
sys.path.insert(0, str(REFERENCE / 'build'))
from places import TERRITORIES, canonical, region_of  # noqa: E402

EXCHANGES = range(200, 1000)
SYMBOLS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

PLACELESS = {PhoneNumberType.TOLL_FREE, PhoneNumberType.PREMIUM_RATE, PhoneNumberType.PERSONAL_NUMBER}


def kind_of(npa):
    return phonenumbers.number_type(PhoneNumber(1, npa * 10_000_000 + 2345678))


@functools.cache
def same_clocks(zones):
    return tuple(sorted({canonical(zone) for zone in zones if zone != 'Etc/Unknown'}))


def theirs_of(npa):
    return [same_clocks(phone_zones.time_zones_for_geographical_number(PhoneNumber(1, npa * 10_000_000 + nxx * 10_000 + 123)))
            for nxx in EXCHANGES]


def ours_of(entry):
    zones = entry['zones']
    if 'exchanges' not in entry:
        return [tuple(zones)] * len(EXCHANGES)
    found = []
    for run in entry['exchanges'].split():
        count, symbol = run.split(':')
        named = zones if symbol == '-' else [zones[index] for index in entry['sets'][SYMBOLS.index(symbol)]]
        found += [tuple(sorted(named))] * int(count)
    return found


def runs(values):
    """(first index, last index, value) of each run of equal values."""
    start = 0
    for at in range(1, len(values) + 1):
        if at == len(values) or values[at] != values[start]:
            yield start, at - 1, values[start]
            start = at


def main():
    ours = json.loads((REFERENCE / 'nanp.json').read_text())['npas']
    sets, npas, rows = [], {}, []
    for npa in range(200, 1000):
        if region_of(npa) not in {'US', *TERRITORIES} or kind_of(npa) in PLACELESS:
            assert str(npa) not in ours, npa
            continue
        theirs = theirs_of(npa)
        for zones in theirs:
            if zones not in sets:
                sets.append(zones)
        npas[npa] = ' '.join(f'{last - first + 1}:{sets.index(zones)}' for first, last, zones in runs(theirs))
        for first, last, (here, there) in runs(list(zip(ours_of(ours[str(npa)]), theirs))):
            if set(here) == set(there):
                continue
            kind = 'wider' if set(there) <= set(here) else 'lacks'
            exchanges = str(first + 200) if first == last else f'{first + 200}-{last + 200}'
            rows.append([npa, exchanges, kind, ' '.join(here), ' '.join(there)])
    lines = ',\n'.join(f'"{npa}":"{text}"' for npa, text in npas.items())
    (HERE / 'phonenumbers-zones.json').write_text(
        f'{{\n"made_of":"phonenumbers {phonenumbers.__version__}",\n"sets":{json.dumps(sets)},\n"npas":{{\n{lines}\n}}\n}}\n')
    with (HERE / 'disagreements.csv').open('w', newline='') as file:
        writer = csv.writer(file, lineterminator='\n')
        writer.writerow(['npa', 'exchanges', 'kind', 'ours', 'phonenumbers'])
        writer.writerows(rows)
    print(len(npas), 'area codes;', len(rows), 'rows of disagreements')


if __name__ == '__main__':
    main()

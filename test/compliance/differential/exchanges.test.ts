import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { PhoneNumber } from '../../../model/phone-number.ts'
import { places } from '../support.ts'

const FIRST = 200
const LAST = 999

interface TheirZones {
  readonly made_of: string
  readonly sets: readonly (readonly string[])[]
  /** Runs of exchanges from 200 to 999: `3:0 797:1` is three of set 0, then 797 of set 1. */
  readonly npas: Readonly<Record<string, string>>
}

const read = (name: string) => readFileSync(join(import.meta.dirname, name), 'utf8')
const theirs = JSON.parse(read('phonenumbers-zones.json')) as TheirZones
const listed = read('disagreements.csv').trimEnd().split('\n').slice(1)

/** What `phonenumbers` says of each exchange of an area code. */
function theirZones(npa: string): string[] {
  return theirs.npas[npa]!.split(' ').flatMap((run) => {
    const [count, set] = run.split(':').map(Number) as [number, number]
    return Array.from({ length: count }, () => theirs.sets[set]!.join(' '))
  })
}

function ourZones(npa: string): string[] {
  return Array.from({ length: LAST - FIRST + 1 }, (_, at) =>
    places
      .ofNumber(`+1${npa}${FIRST + at}0123` as PhoneNumber)
      .map(({ timezone }) => timezone)
      .toSorted()
      .join(' '),
  )
}

/** Rows as they are listed, a run of exchanges each. */
function disagreements(npa: string): string[] {
  const [here, there] = [ourZones(npa), theirZones(npa)]
  assert.equal(there.length, here.length, npa)
  const rows: string[] = []
  for (let start = 0; start < here.length;) {
    let end = start
    while (end + 1 < here.length && here[end + 1] === here[start] && there[end + 1] === there[start]) end++
    if (here[start] !== there[start]) rows.push(rowOf(npa, start, end, here[start]!, there[start]!))
    start = end + 1
  }
  return rows
}

function rowOf(npa: string, start: number, end: number, here: string, there: string): string {
  const ours = new Set(here.split(' '))
  const kind = there === '' || there.split(' ').every((zone) => ours.has(zone)) ? 'wider' : 'lacks'
  const exchanges = start === end ? String(FIRST + start) : `${FIRST + start}-${FIRST + end}`
  return [npa, exchanges, kind, here, there].join(',')
}

describe('our zones of exchanges, beside those of phonenumbers', () => {
  it('are of every US area code that it knows to have a place', () => {
    assert.match(theirs.made_of, /^phonenumbers \d/)
    assert.equal(Object.keys(theirs.npas).length, 365)
    for (const npa of Object.keys(theirs.npas)) assert.notEqual(ourZones(npa)[0], '', npa)
  })

  it('differ where the published list says, and nowhere else', () => {
    assert.deepEqual(Object.keys(theirs.npas).flatMap(disagreements), listed)
  })

  it('lack a zone of its in three places alone, where it is wrong', () => {
    const lacking = listed.filter((row) => row.split(',')[2] === 'lacks')
    assert.deepEqual(lacking, [
      // Orlando. It has the area code's majority in Chicago.
      '689,200-999,lacks,America/New_York,America/Chicago',
      // Center, North Dakota, has kept Central time since 1992; it has no more than the two of the area code.
      '701,794,lacks,America/Chicago,America/Chicago America/Denver',
      // Unalaska keeps Alaska's time, the islands farther west the Aleutians' with its summer time; nobody there keeps Hawaii's.
      '907,581,lacks,America/Adak America/Anchorage,Pacific/Honolulu',
    ])
  })
})

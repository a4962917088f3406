import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadPlaces } from '../../config/reference-data.ts'
import type { PhoneNumber } from '../../model/phone-number.ts'

const places = loadPlaces()
const of = (number: string) =>
  places.ofNumber(number as PhoneNumber).map(({ state, timezone }) => `${state} ${timezone}`)

describe('places', () => {
  it('know the state and zone of a number in an area code with one zone', () => {
    assert.deepEqual(of('+12125550123'), ['NY America/New_York'])
    assert.deepEqual(of('+13175550123'), ['IN America/New_York'])
    assert.deepEqual(of('+18085550123'), ['HI Pacific/Honolulu'])
    assert.deepEqual(of('+16715550123'), ['GU Pacific/Guam'])
    assert.deepEqual(of('+17875550123'), ['PR America/Puerto_Rico'])
    assert.deepEqual(of('+16845550123'), ['AS Pacific/Pago_Pago'])
    assert.deepEqual(of('+16025550123'), ['AZ America/Phoenix'])
  })

  it('know exchanges in area codes with several', () => {
    assert.deepEqual(of('+18504320123'), ['FL America/Chicago'], 'Pensacola')
    assert.deepEqual(of('+18502240123'), ['FL America/New_York'], 'Tallahassee')
    assert.deepEqual(of('+12199330123'), ['IN America/Chicago'], 'Hammond')
    assert.deepEqual(of('+13082820123'), ['NE America/Denver'], 'Gordon')
  })

  it('give every zone of the area code for an exchange nobody knows', () => {
    assert.deepEqual(of('+18505550123'), ['FL America/Chicago', 'FL America/New_York'])
    assert.deepEqual(of('+12195550123'), ['IN America/Chicago', 'IN America/New_York'])
    assert.deepEqual(of('+19155550123'), ['TX America/Chicago', 'TX America/Denver'])
    assert.deepEqual(of('+19285550123'), ['AZ America/Denver', 'AZ America/Phoenix'], 'Navajo Nation')
    for (const npa of [
      '208',
      '605',
      '701',
      '308',
      '785',
      '620',
      '574',
      '812',
      '765',
      '270',
      '606',
      '423',
      '931',
      '906',
      '541',
      '775',
      '907',
    ]) {
      assert.equal(of(`+1${npa}5550123`).length, 2, npa)
    }
  })

  it('give none for toll-free, personal, foreign, unassigned and impossible numbers, and say why', () => {
    for (const [number, country, why] of [
      ['+18005550123', null, /toll-free/],
      ['+15005550123', null, /personal/],
      ['+14165550123', 'CA', /United States/],
      ['+18765550123', 'JM', /United States/],
      ['+442071234567', 'GB', /North American/],
      ['+2115550123', 'SS', /North American/],
      ['+12115550123', null, /not assigned/],
      ['+1', null, /North American/],
      ['', null, /North American/],
    ] as const) {
      assert.deepEqual(of(number), [], number)
      assert.equal(places.countryOf(number as PhoneNumber), country, number)
      assert.match(places.whyNowhere(number as PhoneNumber)!, why, number)
    }
    assert.equal(places.countryOf('+12125550123' as PhoneNumber), 'US')
    assert.equal(places.countryOf('+16715550123' as PhoneNumber), 'GU')
    assert.equal(places.whyNowhere('+12125550123' as PhoneNumber), null)
  })

  it('survive a number whose exchange cannot be', () => {
    assert.equal(of('+18500550123').length, 2)
    assert.equal(of('+1850ABC0123').length, 2)
  })

  it('know ZIP codes exactly', () => {
    const pensacola = places.ofZip('32501')!
    assert.deepEqual(
      { ...pensacola, lat: 0, lon: 0 },
      { zip: '32501', state: 'FL', timezone: 'America/Chicago', city: 'Pensacola', lat: 0, lon: 0 },
    )
    assert.ok(Math.abs(pensacola.lat - 30.42) < 0.05 && Math.abs(pensacola.lon + 87.22) < 0.05)
    assert.equal(places.ofZip('79901')!.timezone, 'America/Denver', 'El Paso')
    assert.equal(places.ofZip('86515')!.timezone, 'America/Denver', 'Window Rock')
    assert.equal(places.ofZip('86045')!.timezone, 'America/Denver', 'Tuba City, corrected')
    assert.equal(places.ofZip('86040')!.timezone, 'America/Phoenix', 'Page, corrected')
    assert.equal(places.ofZip('89883')!.timezone, 'America/Denver', 'West Wendover, corrected')
    assert.equal(places.ofZip('00501')!.state, 'NY', 'the lowest')
    assert.equal(places.ofZip('32501-1234')!.zip, '32501')
  })

  it('answer null for what is no ZIP code, and for military post offices, which have no clock', () => {
    for (const zip of [
      '',
      '1',
      '00000',
      '99999',
      '3250',
      '325011',
      'ABCDE',
      '32501-',
      '32501-12',
      '-2501',
      '٣٢٥٠١',
      '09001',
    ]) {
      assert.equal(places.ofZip(zip), null, zip)
    }
  })

  it('load quickly', () => {
    const start = performance.now()
    loadPlaces()
    assert.ok(performance.now() - start < 1500) // About 20 ms; the machine may be busy.
  })

  it('are refused when the files are broken', () => {
    const folder = mkdtempSync(join(tmpdir(), 'dce-places-'))
    try {
      assert.throws(() => loadPlaces(folder), /ENOENT/)
      writeFileSync(
        join(folder, 'nanp.json'),
        '{"npas":{"201":{"state":"NJ","zones":["America/New_York"],"sets":[[0]],"exchanges":"1:0"}},"countries":{},"tollFree":[],"noPlace":[],"callingCodes":{}}',
      )
      writeFileSync(
        join(folder, 'zips.json'),
        '{"zip":[],"city":[],"state":[],"zone":[],"lat":[],"lon":[],"cities":[],"states":[],"zones":[]}',
      )
      assert.throws(() => loadPlaces(folder), /200 to 999/)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

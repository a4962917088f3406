import { loadPlaces } from '../../config/reference-data.ts'
import { createCompliance, type ComplianceOptions } from '../../compliance/compliance.ts'
import type { PhoneNumber } from '../../model/phone-number.ts'

export const places = loadPlaces()

const DEFAULTS: ComplianceOptions = {
  tcpaEnabled: true,
  callingHours: { startMinute: 480, endMinute: 1260 },
  unknownLocation: 'block',
}

export function compliance(options: Partial<ComplianceOptions> = {}) {
  return createCompliance({ places, clock: Date }, { ...DEFAULTS, ...options })
}

export const number = (text: string) => text as PhoneNumber

const NUMBERS: Readonly<Record<string, PhoneNumber>> = {
  AL: number('+12055550123'),
  AZ: number('+16025550123'),
  CA: number('+12135550123'),
  CT: number('+18605550123'),
  FL: number('+13055550123'),
  GU: number('+16715550123'),
  HI: number('+18085550123'),
  IL: number('+13125550123'),
  KY: number('+15025550123'),
  LA: number('+12255550123'),
  MA: number('+16175550123'),
  MD: number('+14105550123'),
  MI: number('+13135550123'),
  MN: number('+16125550123'),
  MS: number('+16015550123'),
  NM: number('+15055550123'),
  NV: number('+17025550123'),
  NY: number('+12125550123'),
  OK: number('+14055550123'),
  PA: number('+12155550123'),
  PR: number('+17875550123'),
  RI: number('+14015550123'),
  TX: number('+12145550123'),
  UT: number('+18015550123'),
  WA: number('+12065550123'),
}

/** A number of a state, in an area code with one zone where there is one. */
export function numberIn(state: string): PhoneNumber {
  const found = NUMBERS[state]
  if (found === undefined) throw new RangeError(`no number of ${state}`)
  return found
}

/** The instant at which a zone's wall shows this time, by Intl alone: an oracle that shares no code with the product. */
export function instant(zone: string, wall: string): number {
  const wanted = Date.parse(`${wall}Z`)
  for (let hours = -12; hours <= 14; hours++) {
    for (const minutes of [0, 30]) {
      const guess = wanted - (hours * 60 + minutes) * 60_000
      if (shown(zone, guess) === wanted) return guess
    }
  }
  throw new RangeError(`${zone} never shows ${wall}`)
}

/** What a zone's wall shows, as if it were UTC. */
export function shown(zone: string, atMs: number): number {
  const text = new Date(atMs).toLocaleString('sv-SE', { timeZone: zone })
  return Date.parse(`${text.replace(' ', 'T')}Z`)
}

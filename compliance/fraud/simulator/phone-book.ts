import type { PhoneNumber } from '../../../model/phone-number.ts'
import type { Places } from '../../../model/places.ts'
import type { Chance } from './chance.ts'

const TOLL_FREE = ['800', '833', '844', '855', '866', '877', '888']
const UNKNOWN: readonly string[] = []
/** Area codes share their places: one list each, as the running exchange has it. */
const FIRST_NPA = 200

/** Numbers to call from and to be called at, made of the area codes there are. */
export class PhoneBook {
  readonly #states: (readonly string[] | undefined)[] = []
  readonly #assigned: readonly number[]
  readonly #unassigned: readonly number[]

  constructor(places: Pick<Places, 'ofNumber'>) {
    const assigned: number[] = []
    const unassigned: number[] = []
    for (let npa = FIRST_NPA; npa < 1000; npa++) {
      const states = [...new Set(places.ofNumber(`+1${npa}5550100` as PhoneNumber).map(({ state }) => state))]
      if (states.length > 0) {
        this.#states[npa] = states
        assigned.push(npa)
      } else if (npa % 100 !== 11 && Math.floor(npa / 10) % 10 !== 9 && !TOLL_FREE.includes(String(npa))) {
        unassigned.push(npa)
      }
    }
    this.#assigned = assigned
    this.#unassigned = unassigned
  }

  areaCode(chance: Chance): number {
    return chance.pick(this.#assigned)
  }

  /** An area code of no place: never opened, of another country, or reserved. */
  strangeAreaCode(chance: Chance): number {
    return chance.pick(this.#unassigned)
  }

  /** A number of this area code, or of any. */
  number(chance: Chance, npa: number = this.areaCode(chance)): PhoneNumber {
    return numberOf(npa, exchangeCode(chance), chance.below(10_000))
  }

  tollFree(chance: Chance): PhoneNumber {
    return numberOf(Number(chance.pick(TOLL_FREE)), exchangeCode(chance), chance.below(10_000))
  }

  /** The states of a number's area code; none for what has no place. */
  statesOf(number: PhoneNumber | null): readonly string[] {
    if (number === null || number.length !== 12) return UNKNOWN
    return this.#states[Number(number.slice(2, 5))] ?? UNKNOWN
  }

  /** A state other than this one. */
  stateBut(chance: Chance, state: string | undefined): string {
    for (;;) {
      const other = this.#states[this.areaCode(chance)]![0]!
      if (other !== state) return other
    }
  }
}

/** From 200 to 999, but for the service codes N11. */
export function exchangeCode(chance: Chance): number {
  const code = 200 + chance.below(800)
  return code % 100 === 11 ? code + 1 : code
}

export function numberOf(npa: number, exchange: number, line: number): PhoneNumber {
  return `+1${npa}${exchange}${String(line).padStart(4, '0')}` as PhoneNumber
}

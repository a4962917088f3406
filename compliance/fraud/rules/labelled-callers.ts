import type { FraudLabel } from '../../../model/fraud.ts'
import type { PhoneNumber } from '../../../model/phone-number.ts'

/** Callers whose calls analysts have judged; past them whoever was judged first is forgotten. */
export const MAX_LABELLED_CALLERS = 50_000

/** What analysts have said of callers. */
export class LabelledCallers {
  readonly #labels = new Map<PhoneNumber, FraudLabel>()
  readonly #most: number

  constructor(most = MAX_LABELLED_CALLERS) {
    this.#most = most
  }

  get(caller: PhoneNumber): FraudLabel | null {
    return this.#labels.get(caller) ?? null
  }

  set(caller: PhoneNumber, label: FraudLabel): void {
    this.#labels.delete(caller)
    this.#labels.set(caller, label)
    if (this.#labels.size > this.#most) this.#labels.delete(this.#labels.keys().next().value!)
  }
}

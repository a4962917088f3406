import type { Logger } from '../../config/logger.ts'
import type { PhoneNumber } from '../../model/phone-number.ts'
import type { ReassignedAnswer } from '../../model/reassigned-number.ts'
import type { Arrival } from '../screening/arrival.ts'
import type { Contribution, Evidence } from '../screening/evidence.ts'
import type { ScreeningPart } from '../screening/screening-part.ts'
import type { Schedule } from '../start/schedule.ts'

/** How long a call waits for the database's answers to be read from our own. */
const DEADLINE_MS = 250
/** How often a gateway looks whether another one was told the first answer. */
export const LOOK_EVERY_MS = 30_000

export interface ReassignedStorage {
  readonly stores: {
    readonly reassigned: {
      find(number: PhoneNumber): Promise<readonly ReassignedAnswer[]>
      hasAny(): Promise<boolean>
    }
  }
}

/** What the Reassigned Numbers Database has answered of the consumer, read for calls that are made to it: nothing until there is any answer. */
export class ReassignedNumbers implements ScreeningPart<ReassignedStorage> {
  readonly evidence: readonly Evidence[]
  readonly #schedule: Schedule
  readonly #log: Pick<Logger, 'warn'>
  #storage: ReassignedStorage | null = null
  #isUsed = false
  #stopLooking = (): void => {}

  constructor(schedule: Schedule, log: Pick<Logger, 'warn'>) {
    this.#schedule = schedule
    this.#log = log
    this.evidence = [
      {
        name: 'reassigned-number',
        order: 'before-law',
        deadlineMs: DEADLINE_MS,
        onFailure: 'allow',
        keepsFromBuyers: false,
        gather: (arrival) => this.#gather(arrival),
      },
    ]
  }

  open(storage: ReassignedStorage): void {
    this.#storage = storage
  }

  async start(): Promise<void> {
    await this.look()
  }

  /** Whether there are answers at all; from the first on there always are. */
  async look(): Promise<void> {
    this.#stopLooking()
    try {
      this.#isUsed ||= await this.#storage!.stores.reassigned.hasAny()
    } catch (error) {
      this.#log.warn({ error }, 'answers about reassigned numbers could not be looked for')
    }
    if (!this.#isUsed) this.#stopLooking = this.#schedule.after(LOOK_EVERY_MS, () => void this.look())
  }

  async close(): Promise<void> {
    this.#isUsed = true // It looks no more.
    this.#stopLooking()
  }

  #gather({ ani, number }: Arrival): Promise<Contribution> | null {
    if (!this.#isUsed || ani === null || number.trafficType === 'inbound') return null
    return this.#storage!.stores.reassigned.find(ani).then((reassigned) => ({ request: { reassigned } }))
  }
}

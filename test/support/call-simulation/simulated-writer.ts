import type { GatewayRecord, RecordWriter } from '../../../gateway/needs.ts'
import type { CallId } from '../../../model/ids.ts'
import type { Dice } from '../../simulation/dice.ts'
import type { VirtualTime } from '../sip-simulation/network.ts'

type EndedRecord = Extract<GatewayRecord, { kind: 'ended' }>

/** A disk that may be slow, full, or broken. */
export interface DiskMischief {
  readonly mostDelayMs: number
  /** A record in so many cannot be written; 0: none. */
  readonly failure: number
  /** A call in so many finds no room for its records; 0: none. */
  readonly fullness: number
}

/** Takes what the gateway writes down, after a while or not at all, and knows what that must come to. */
export class SimulatedWriter implements RecordWriter {
  readonly ended = new Map<CallId, EndedRecord>()
  /** Sales that are on the disk with both dialogs, by the caller's Call-ID. */
  readonly durableSales = new Set<string>()
  readonly faults: string[] = []
  refusedMany = 0
  readonly #time: VirtualTime
  readonly #dice: Dice
  readonly #mischief: DiskMischief
  readonly #stir: () => void

  constructor(time: VirtualTime, dice: Dice, mischief: DiskMischief, stir: () => void) {
    this.#time = time
    this.#dice = dice
    this.#mischief = mischief
    this.#stir = stir
  }

  accepts(): boolean {
    return !this.#happens(this.#mischief.fullness)
  }

  write(record: GatewayRecord): Promise<void> {
    this.#note(record)
    const isLost = this.#happens(this.#mischief.failure)
    return new Promise((resolve, reject) => {
      this.#time.in(this.#dice.roll(this.#mischief.mostDelayMs + 1), () => {
        this.#stir()
        if (isLost) return reject(new Error('neither the database nor the spool took it'))
        if (record.kind === 'sold' && record.callerDialog !== null) this.durableSales.add(record.callerDialog.callId)
        resolve()
      })
    })
  }

  #note(record: GatewayRecord): void {
    if (record.kind === 'refused-many') this.refusedMany += record.count
    if (record.kind === 'sold' && this.ended.has(record.call.id))
      this.faults.push(`${record.call.id} was written as sold after its end: a restart would find it open`)
    if (record.kind !== 'ended') return
    if (this.ended.has(record.call.id)) this.faults.push(`a second ended record of ${record.call.id}`)
    this.ended.set(record.call.id, record)
  }

  #happens(onceIn: number): boolean {
    return onceIn > 0 && this.#dice.onceIn(onceIn)
  }
}

import type { TimeWindow } from '../model/bid.ts'
import { dayMask, dayNumber, isClosedForOnce, isOpenAtMinute } from '../model/time-window.ts'
import { getZone, isTimeZone, localDay, minuteOfWeek, type Zone } from '../model/time-zone.ts'

/** The wall clock of one zone, read once for all the windows that an auction asks at the same instant. */
export class WallClock {
  readonly #zone: Zone
  #atMs = NaN
  #minute = 0

  constructor(zone: Zone) {
    this.#zone = zone
  }

  /** The local day, as `localDay` numbers it: asked only of windows with holidays. */
  dayAt(epochMs: number): number {
    return localDay(this.#zone.name, epochMs)
  }

  /** Minutes since Monday 00:00. */
  minuteAt(epochMs: number): number {
    if (epochMs !== this.#atMs) {
      this.#minute = minuteOfWeek(this.#zone, epochMs)
      this.#atMs = epochMs
    }
    return this.#minute
  }
}

/** Most different windows remembered for sharing; past it they are simply made anew. */
const MOST_SHARED = 4096

/** One wall clock per zone, and one `Opening` for all the bids that keep the same hours. A zone unknown here has no clock. */
export class WallClocks {
  readonly #clocks = new Map<string, WallClock | null>()
  readonly #openings = new Map<string, Opening>()

  find(timezone: string): WallClock | null {
    let clock = this.#clocks.get(timezone)
    if (clock === undefined) {
      clock = isTimeZone(timezone) ? new WallClock(getZone(timezone)) : null
      this.#clocks.set(timezone, clock)
    }
    return clock
  }

  /** The window made ready for the auction. */
  openingOf(window: TimeWindow): Opening {
    const { startMinute, endMinute, timezone, breaks = [], holidays = [] } = window
    const pauses = breaks.map((pause) => `${pause.startMinute}-${pause.endMinute}`).join()
    const key = `${startMinute} ${endMinute} ${dayMask(window)} ${timezone} ${pauses} ${holidays.join()}`
    let opening = this.#openings.get(key)
    if (opening === undefined) {
      opening = new Opening(window, this)
      if (this.#openings.size >= MOST_SHARED) this.#openings.clear()
      this.#openings.set(key, opening)
    }
    return opening
  }
}

export const HOURS_OF_WEEK = 168

/** A time window made ready for the auction. In a zone this machine does not know it is never open: no call at a wrong hour. */
export class Opening {
  readonly clock: WallClock | null
  readonly #startMinute: number
  readonly #endMinute: number
  readonly #days: number
  /** Null without breaks and holidays: most windows are not asked for them. */
  readonly #exceptions: TimeWindow | null
  readonly #holidays: ReadonlySet<number> | null
  #hours: Uint8Array | null = null
  // Asked by every bid that keeps these hours, at the same instant.
  #askedMs = NaN
  #wasOpen = false

  constructor(window: TimeWindow, clocks: WallClocks) {
    this.clock = clocks.find(window.timezone)
    this.#startMinute = window.startMinute
    this.#endMinute = window.endMinute
    this.#days = dayMask(window)
    this.#exceptions = (window.breaks?.length ?? 0) + (window.holidays?.length ?? 0) > 0 ? window : null
    this.#holidays = window.holidays?.length ? new Set(window.holidays.map(dayNumber)) : null
  }

  isOpen(epochMs: number): boolean {
    if (epochMs !== this.#askedMs) {
      this.#wasOpen = this.#ask(epochMs)
      this.#askedMs = epochMs
    }
    return this.#wasOpen
  }

  #ask(epochMs: number): boolean {
    const { clock } = this
    if (clock === null) return false
    const minute = clock.minuteAt(epochMs)
    if (!isOpenAtMinute(this.#startMinute, this.#endMinute, this.#days, minute)) return false
    if (this.#exceptions === null) return true
    const day = this.#holidays === null ? 0 : clock.dayAt(epochMs)
    return !isClosedForOnce(this.#exceptions, this.#holidays, minute % 1440, day)
  }

  /** For each hour of the week (0: Monday, midnight to one), 1 when it is open in any minute of it, breaks and holidays aside. Worked out once. */
  get hours(): Uint8Array {
    return (this.#hours ??= Uint8Array.from({ length: HOURS_OF_WEEK }, (_, hour) => (this.#touchesHour(hour) ? 1 : 0)))
  }

  #touchesHour(hour: number): boolean {
    const start = hour * 60
    // A window covers an hour's first minute, or begins within the hour; the latter it does at its start minute only.
    if (isOpenAtMinute(this.#startMinute, this.#endMinute, this.#days, start)) return true
    const begin = Math.floor(start / 1440) * 1440 + this.#startMinute
    return begin > start && begin < start + 60 && isOpenAtMinute(this.#startMinute, this.#endMinute, this.#days, begin)
  }
}

import { setTimeout as sleep } from 'node:timers/promises'
import type { BenchResult } from './bench-result.ts'
import { closeCalls, openCall, openCalls, type CallKind, type Driver, type SetupTimes } from './media-calls.ts'
import { startRelay } from './media-engines.ts'
import type { RelayOptions } from '../../media/relay/relay-options.ts'

const CALLS = 500
const TALKING = 250
const SECONDS = 6
/** Between two new calls. */
const PAUSE_MS = 10
const UNREAD = 9

/** What a new call waits for: alone, beside others' audio, and each without ports that are bound beforehand. */
export async function measureSetup(driver: Driver, kind: CallKind): Promise<BenchResult[]> {
  const [alone, aloneUnready] = [await setUpAlone(), await setUpAlone({ readyPairs: 0 })]
  const [loaded, loadedUnready] = [await setUpBeside(driver, kind), await setUpBeside(driver, kind, { readyPairs: 0 })]
  return [
    ...results('media.session', `${CALLS} calls one after another`, alone, aloneUnready),
    ...results('media.session.loaded', `while ${TALKING} other calls talk`, loaded, loadedUnready),
  ]
}

function results(
  name: string,
  when: string,
  ready: readonly SetupTimes[],
  unready: readonly SetupTimes[],
): BenchResult[] {
  const at = (times: readonly SetupTimes[], what: keyof SetupTimes, share: number): number =>
    times.map((time) => time[what]).toSorted((a, b) => a - b)[Math.floor(times.length * share)] ?? NaN
  const measure = (part: string, what: keyof SetupTimes, until: string): BenchResult[] => {
    const [p99, before] = [at(ready, what, 0.99), at(unready, what, 0.99)]
    const detail = `createSession to ${until}, ${when}; p50 ${round(at(ready, what, 0.5))} us`
    const without = `with no port bound beforehand p50 ${round(at(unready, what, 0.5))} us, p99 ${round(before)} us`
    return [
      { name: `${name}.${part}.p99`, value: p99 / 1000, unit: 'ms', detail: `${detail}; ${without}` },
      { name: `${name}.${part}.ratio`, value: p99 / before, unit: 'ratio', detail: `p99, to that ${without}` },
    ]
  }
  return [
    ...measure('offer', 'offerUs', 'the offer to the buyer'),
    ...measure('setup', 'answerUs', "the caller's answer"),
  ]
}

async function setUpAlone(options: Partial<RelayOptions> = {}): Promise<SetupTimes[]> {
  const relay = await startRelay(1, options)
  const setups: SetupTimes[] = []
  const sessions = []
  for (let i = 0; i < CALLS; i++) {
    const { session, ...took } = await openCall(relay.server, phone(UNREAD), phone(UNREAD))
    setups.push(took)
    sessions.push(session)
  }
  await closeCalls({ sessions, setups })
  await relay.close()
  return setups
}

async function setUpBeside(driver: Driver, kind: CallKind, options: Partial<RelayOptions> = {}): Promise<SetupTimes[]> {
  const relay = await startRelay(1, options)
  const calls = await openCalls(relay, driver, TALKING, kind)
  const talk = driver.talk(SECONDS)
  const setups: SetupTimes[] = []
  for (let isOver = false; !isOver;) {
    const { session, ...took } = await openCall(relay.server, phone(UNREAD), phone(UNREAD))
    setups.push(took)
    await session.close()
    isOver = await Promise.race([talk.then(() => true), sleep(PAUSE_MS).then(() => false)])
  }
  await closeCalls(calls)
  await relay.close()
  return setups
}

/** One that never says anything. */
function phone(port: number): string {
  return `v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio ${port} RTP/AVP 0\r\n`
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}

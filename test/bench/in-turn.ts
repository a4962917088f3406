import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { ADMIN, ExchangeProcess } from '../../sipp/exchange-process.ts'
import { rampOf } from '../../sipp/load/driver.ts'
import { runLoad } from '../../sipp/load/load.ts'
import type { BenchResult } from './bench-result.ts'

const ENV = process.env
const CPS = Number(ENV['DCE_BENCH_CPS'] ?? 600)
const SECONDS = Number(ENV['DCE_BENCH_SECONDS'] ?? 15)
const ROUNDS = Number(ENV['DCE_BENCH_ROUNDS'] ?? 5)
const OPTIONS = { cps: CPS, seconds: SECONDS, rampSeconds: 4, talkMs: 100, media: false, html: null }
/** Time of the system's clock ticks, as /proc counts it. */
const TICK_US = 10_000
const SETTLE_MS = 1500

/** What the CPU is taken by: a thread's name, or all processes of PostgreSQL. */
type Taken = Map<string, number>

interface Round {
  readonly cpuUs: Taken
  readonly answered: number
  readonly setupMs: { readonly p50: number; readonly p99: number }
}

/**
 * What a change is worth, on a machine that is never the same for two minutes: this tree's exchange and that of another checkout, both
 * up, loaded in turn and in changing order. Ratios of this to the other, by round. The first round of each warms it and is not counted.
 */
export async function run(): Promise<BenchResult[]> {
  const other = ENV['DCE_BENCH_AGAINST']
  const theirs = join(other ?? '', 'sipp/exchange-process.ts')
  if (!other || !existsSync(theirs))
    throw new Error('DCE_BENCH_AGAINST: the folder of another checkout of this repository, with its node_modules')
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- The same file of another commit.
  const { ExchangeProcess: Theirs } = (await import(pathToFileURL(theirs).href)) as {
    ExchangeProcess: typeof ExchangeProcess
  }
  const mine = await ExchangeProcess.start()
  const old = await Theirs.start().catch(async (error: unknown) => {
    await mine.close()
    throw error
  })
  try {
    const rounds: { mine: Round; old: Round }[] = []
    for (let at = 0; at <= ROUNDS; at++) {
      const first = at % 2 === 0 ? await load(mine) : null
      const theirRound = await load(old)
      const myRound = first ?? (await load(mine))
      if (at > 0) rounds.push({ mine: myRound, old: theirRound })
    }
    return compare(rounds)
  } finally {
    await Promise.all([mine.close(), old.close()])
  }
}

async function load(exchange: ExchangeProcess): Promise<Round> {
  const before = cpuUs(exchange.pid)
  const target = { sip: exchange.sip(), http: exchange.http, ...ADMIN }
  const { answered, setup } = await runLoad({ ...OPTIONS, target }, () => {})
  await sleep(SETTLE_MS)
  const after = cpuUs(exchange.pid)
  return {
    cpuUs: new Map([...after].map(([name, us]) => [name, us - (before.get(name) ?? 0)])),
    answered,
    setupMs: setup,
  }
}

function compare(rounds: readonly { mine: Round; old: Round }[]): BenchResult[] {
  const ramp = rampOf({ ...OPTIONS, target: null })
  // Offered, the ramp's among them: it is in the CPU, too.
  const calls = CPS * SECONDS + ramp.seconds * ramp.rates.reduce((sum, rate) => sum + rate, 0)
  const ratio = (name: string, of: (round: Round) => number, unit: string): BenchResult => {
    const ratios = rounds.map(({ mine, old }) => of(mine) / of(old))
    const both = (which: 'mine' | 'old'): string => rounds.map((round) => of(round[which]).toFixed(0)).join(' ')
    const detail = `${ratios.map((each) => each.toFixed(2)).join(' ')} by round; here ${both('mine')}, there ${both('old')} ${unit}`
    return { name: `in-turn.${name}`, value: median(ratios), unit: 'ratio', detail }
  }
  const names = [...rounds[0]!.mine.cpuUs].filter(([, us]) => us > calls).map(([name]) => name)
  return [
    ratio('answered', ({ answered }) => answered, `of ${CPS * SECONDS}`),
    ratio('set-up p50', ({ setupMs }) => setupMs.p50, 'ms'),
    ratio('set-up p99', ({ setupMs }) => setupMs.p99, 'ms'),
    ratio('cpu', ({ cpuUs: us }) => [...us.values()].reduce((sum, each) => sum + each, 0) / calls, 'us a call'),
    ...names.map((name) => ratio(`cpu of ${name}`, ({ cpuUs: us }) => (us.get(name) ?? 0) / calls, 'us a call')),
  ]
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!
}

/** What a process and all that it has started have taken, by the threads' names (Linux). */
function cpuUs(root: number): Taken {
  const children = new Map<number, number[]>()
  for (const pid of readdirSync('/proc').map(Number).filter(Boolean)) {
    const parent = Number(statOf(`/proc/${pid}/stat`)?.fields[1])
    if (parent) children.set(parent, [...(children.get(parent) ?? []), pid])
  }
  const taken: Taken = new Map()
  for (const open = [root]; open.length > 0;) {
    const pid = open.pop()!
    open.push(...(children.get(pid) ?? []))
    for (const thread of threadsOf(pid)) {
      const stat = statOf(`/proc/${pid}/task/${thread}/stat`)
      if (!stat) continue
      const name = stat.name.startsWith('postgres') ? 'postgres' : stat.name
      const us = (Number(stat.fields[11]) + Number(stat.fields[12])) * TICK_US
      taken.set(name, (taken.get(name) ?? 0) + us)
    }
  }
  return taken
}

function threadsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`)
  } catch {
    return [] // It is gone.
  }
}

/** Null: it is gone. `fields` begin with the state, the third of proc_pid_stat(5). */
function statOf(file: string): { readonly name: string; readonly fields: readonly string[] } | null {
  try {
    const text = readFileSync(file, 'utf8')
    const end = text.lastIndexOf(')')
    return { name: text.slice(text.indexOf('(') + 1, end), fields: text.slice(end + 2).split(' ') }
  } catch {
    return null
  }
}

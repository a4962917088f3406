import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLogger, type Log } from '../../config/logger.ts'
import type { Settings } from '../../config/settings.ts'
import { startExchange, type RunningExchange } from '../../gateway/main.ts'
import { placeCall } from '../agents/callers.ts'
import { createRtpAgent } from '../agents/rtp-agent.ts'
import { createUserAgent, type UserAgent } from '../agents/user-agent.ts'
import { ApiClient } from '../api-client.ts'
import { DemoMarket } from './market.ts'
import { printTable, tell, tellBalances, type Told } from './report.ts'
import { buildScenes, type Scene } from './scenes.ts'

export interface DemoOptions {
  /** Place the calls, print the table, end. */
  readonly once: boolean
  readonly settings: (defaults: Readonly<Record<string, unknown>>) => Settings
  readonly print: (line: string) => void
  readonly stopOnSignals: (stop: () => Promise<void>, log: Log) => void
}

/** Between two sample calls while the demo stays up, so that the console has something to show. */
const NEXT_CALL_MS = 4000

/** Starts a whole exchange on embedded defaults with a market of its own, places the sample calls and tells each. */
export async function runDemo({ once, settings: settingsOf, print, stopOnSignals }: DemoOptions): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), 'dce-demo-'))
  const password = randomBytes(12).toString('base64url')
  const freePorts = once
    ? {
        'server.port': 0,
        'telephony.sip_port': 0,
        'telephony.tls_port': 0,
        'telephony.ws_port': 0,
        'telephony.wss_port': 0,
        'telephony.control_port': 0,
        'telephony.rtp_port_range': '0',
      }
    : {}
  const settings = settingsOf({
    data_dir: dataDir,
    log_level: 'warn',
    'telephony.host': '127.0.0.1',
    'admin.password': password,
    ...freePorts,
  })
  const log = createLogger({ level: settings.logLevel })
  print('starting the exchange on embedded defaults …')
  const exchange = await startExchange({ settings, log, demoLogin: { email: settings.admin.email } })
  const media = createRtpAgent()
  const carrier = await createUserAgent()
  const api = new ApiClient(exchange.http)
  await api.login(settings.admin.email, settings.admin.password ?? password)
  const market = await DemoMarket.open(api)
  let stopped = false
  const stop = async (): Promise<void> => {
    stopped = true
    await carrier.hangUpAll()
    await exchange.stop()
    await Promise.all([carrier.close(), market.close(), media.close()])
    rmSync(dataDir, { recursive: true, force: true })
  }
  stopOnSignals(stop, log)

  print(`the exchange is up: ${describe(exchange)}`)
  const scenes = await buildScenes(market, media)
  const told = await playAll(scenes, { api, carrier, exchange, print })
  const balanced = await tellBalances(api, print)
  printTable(told, print)
  const good = told.filter(({ asExpected }) => asExpected).length
  print('')
  print(`${good} of ${told.length} calls came out as they should; the books ${balanced ? 'balance' : 'DO NOT BALANCE'}`)
  if (once) {
    await stop()
    process.exitCode = good === told.length && balanced ? 0 : 1
    return
  }
  print(
    `\nthe console is at http://localhost:${exchange.http.port}/ (Ctrl-C ends the demo); a call comes every few seconds`,
  )
  await keepCalling(scenes, carrier, exchange, () => stopped)
}

interface Stage {
  readonly api: ApiClient
  readonly carrier: UserAgent
  readonly exchange: RunningExchange
  readonly print: (line: string) => void
}

/** The scenes run side by side, each one's calls in their order, and are told in the order they are written. */
async function playAll(scenes: readonly Scene[], stage: Stage): Promise<Told[]> {
  const played = scenes.map(async ({ calls }) => {
    const told: (() => Promise<Told>)[] = []
    for (const call of calls) {
      await call.prepare?.()
      const { outcome } = await placeCall(
        stage.carrier,
        { from: call.from, to: call.to, target: sipOf(stage.exchange) },
        call.behaviour,
      )
      told.push(() => tell(stage.api, call, outcome.status, stage.print))
    }
    return told
  })
  const told: Told[] = []
  for (const scene of played) for (const tellIt of await scene) told.push(await tellIt())
  return told
}

/** One call after the other from the scenes that can be played again, until the demo is stopped. */
async function keepCalling(
  scenes: readonly Scene[],
  carrier: UserAgent,
  exchange: RunningExchange,
  stopped: () => boolean,
): Promise<void> {
  const calls = scenes.flatMap((scene) => scene.calls)
  for (let turn = 0; !stopped(); turn++) {
    await new Promise((resolve) => setTimeout(resolve, NEXT_CALL_MS))
    if (stopped()) return
    const { from, to, behaviour } = calls[turn % calls.length]!
    await placeCall(carrier, { from, to, target: sipOf(exchange) }, behaviour)
  }
}

function sipOf(exchange: RunningExchange): { host: string; port: number } {
  const udp = exchange.sip.find(({ transport }) => transport === 'udp')
  if (!udp) throw new Error('the exchange does not listen for SIP over UDP')
  return udp
}

function describe({ sip, http }: RunningExchange): string {
  const listening = sip.map(({ transport, host, port }) => `${transport} ${host}:${port}`).join(', ')
  return `SIP on ${listening}; console and API on http://localhost:${http.port}/`
}

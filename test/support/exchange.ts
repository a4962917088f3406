import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { ApiClient, ApiFailure } from '../../sipp/api-client.ts'
import { sippIsInstalled } from '../../sipp/run.ts'
import { preparedData } from './prepared-data.ts'
import { ADMIN, ExchangeProcess, foreignSipServer, type ExchangeProcessOptions } from '../../sipp/exchange-process.ts'

/** A call as the API reads it: what the stories look at. */
export interface CallAnswer {
  readonly id: string
  readonly state: string
  readonly outcome: string | null
  readonly from: string | null
  readonly to: string
  readonly trunk_id: string
  readonly number_id: string | null
  readonly seller_id: string
  readonly buyer_id: string | null
  readonly sip_status: number | null
  readonly end_reason: string | null
  readonly hung_up_by: string | null
  readonly answered_at: string | null
  readonly duration_ms: number
  readonly billable_ms: number
  readonly price: string
  readonly payout: string
  readonly legs: readonly Record<string, unknown>[]
  readonly signature: Readonly<Record<string, unknown>> | null
  readonly fraud: { readonly score: number; readonly action: string; readonly detail: string } | null
  readonly trace: readonly { readonly step: string }[]
}

/** A whole exchange in a process of its own, and an administrator logged in to it. */
export class Exchange {
  readonly process: ExchangeProcess
  readonly api: ApiClient

  private constructor(process: ExchangeProcess, api: ApiClient) {
    this.process = process
    this.api = api
  }

  static async start(options: ExchangeProcessOptions = {}): Promise<Exchange> {
    const process = await ExchangeProcess.start({ beginWith: await preparedData(), ...options })
    const api = new ApiClient(process.http)
    try {
      await api.login(ADMIN.email, ADMIN.password)
    } catch (error) {
      await process.close()
      throw error
    }
    return new Exchange(process, api)
  }

  close(): Promise<void> {
    return this.process.close()
  }

  /** Every call of a dialled number, newest first. */
  callsTo(dialled: string): Promise<CallAnswer[]> {
    return this.api.listAll<CallAnswer>(`calls?to=${encodeURIComponent(dialled)}`)
  }

  callOf(id: string): Promise<CallAnswer> {
    return this.api.request<CallAnswer>('GET', `/api/v1/calls/${id}`)
  }

  /** The sum of all balances, in millionths: 0 or money was made or lost. Sums as the API prints them, per currency. */
  async sumOfBalances(): Promise<Map<string, bigint>> {
    const sums = new Map<string, bigint>()
    for (const account of await this.api.listAll('accounts')) {
      const currency = String(account['currency'])
      sums.set(currency, (sums.get(currency) ?? 0n) + micros(String(account['balance'])))
    }
    return sums
  }

  async assertMoneyBalances(): Promise<void> {
    for (const [currency, sum] of await this.sumOfBalances()) {
      assert.equal(sum, 0n, `the balances in ${currency} add up to ${sum} micros, not to 0`)
    }
  }

  /** The value of one metric without labels, or the sum over its labels; 0 when it has not been counted yet. */
  async metric(name: string): Promise<number> {
    let sum = 0
    for (const line of (await this.api.metrics()).split('\n')) {
      const match = /^([a-z_]+)(?:\{[^}]*\})? (\S+)/.exec(line)
      if (match?.[1] === name) sum += Number(match[2])
    }
    return sum
  }

  /** Waits until /health answers so: what it says is remembered for a second. */
  async untilHealth(expected: RegExp): Promise<void> {
    let seen = ''
    await eventually(
      async () => expected.test((seen = await (await this.api.raw('GET', '/health')).text())) || undefined,
      () => `${seen}, and not ${expected}`,
    )
  }

  /** Its whole log so far, but for the lines that wait in its buffer. */
  log(): Promise<string> {
    return readFile(this.process.logFile, 'utf8')
  }

  /** Waits until its log has such a line. */
  async says(line: RegExp): Promise<void> {
    await eventually(
      async () => line.test(await this.log()) || undefined,
      () => this.log(),
    )
  }

  /** Asserts that its log has no such line, nor gets one out of its buffer. */
  async neverSaid(line: RegExp): Promise<void> {
    await sleep(LOG_BUFFER_MS)
    assert.doesNotMatch(await this.log(), line)
  }
}

/** Skips the suite where SIPp is missing; test/run-all.js says so, and counts it as a failure where it must not be. */
export function requireSipp(context: Mocha.Context): void {
  if (!sippIsInstalled()) context.skip()
}

/**
 * Skips a suite that needs `what` of the SIP server the exchange brings, where DCE_DRACHTIO_HOST says that the stories are told
 * to another one.
 */
export function requireEmbeddedSip(context: Mocha.Context, what: string): void {
  if (foreignSipServer()['DCE_DRACHTIO_HOST'] === undefined) return
  process.stdout.write(`skipped: not with another SIP server (DCE_DRACHTIO_HOST), since it needs ${what}\n`)
  context.skip()
}

/** In a suite's `before`: an exchange for its stories, which need SIPp. */
export async function startExchange(context: Mocha.Context, options: ExchangeProcessOptions = {}): Promise<Exchange> {
  requireSipp(context)
  context.timeout(90_000) // The first start makes a database.
  return Exchange.start(options)
}

/** `"-2.50"` → -2_500_000n. */
export function micros(text: string): bigint {
  const match = /^(-?)(\d+)(?:\.(\d{1,6}))?$/.exec(text)
  assert.ok(match, `${text} is an amount`)
  const value = BigInt(match[2]!) * 1_000_000n + BigInt((match[3] ?? '').padEnd(6, '0'))
  return match[1] === '-' ? -value : value
}

const POLL_MS = 25
/** Twice what config/logger.ts keeps a line in its buffer. */
const LOG_BUFFER_MS = 200

/** Asks again and again until the answer is not undefined; fails after `limitMs` with what `describe` says. */
export async function eventually<T>(
  look: () => Promise<T | undefined>,
  describe: () => string | Promise<string>,
  limitMs = 30_000,
): Promise<T> {
  const deadline = performance.now() + limitMs
  for (;;) {
    const seen = await look().catch((error: unknown) => {
      // While its database is away the API says 503; that is no answer yet.
      if (error instanceof ApiFailure && error.status === 503) return undefined
      throw error
    })
    if (seen !== undefined) return seen
    if (performance.now() >= deadline) assert.fail(`not within ${limitMs} ms: ${await describe()}`)
    await sleep(POLL_MS)
  }
}

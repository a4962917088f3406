import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Market } from '../support/call-market.ts'
import { eventually, requireEmbeddedSip, startExchange, type Exchange } from '../support/exchange.ts'
import { hireAgent, PASSWORD } from '../support/registered-phone.ts'
import type { ProgramEnd } from '../support/run-program.ts'
import { runDisguised, runTool, sipviciousIsInstalled, type Tool } from '../support/sipvicious.ts'

const CALLER = 'uac-answered-caller-hangs-up-expect-200.xml'
const BUYER = 'uas-answer-caller-hangs-up-expect-200.xml'
/** More than are forgiven. */
const GUESSES = 60

function assertFoundNothing({ said }: ProgramEnd): void {
  assert.match(said, /found nothing/)
  assert.doesNotMatch(said, /^\+-/m, 'it printed a table of what it found')
  assert.doesNotMatch(said, /Traceback/)
}

for (const unknownSource of ['refuse', 'drop'] as const)
  describe(`sipvicious, where strangers ${unknownSource === 'drop' ? 'get silence' : 'are refused'}`, function () {
    this.timeout(90_000)
    let exchange: Exchange
    let folder: string
    // Under its own name it waits long for an answer: it does so while the rest goes on.
    let cracking: Promise<ProgramEnd>
    before(async function () {
      if (!sipviciousIsInstalled()) this.skip()
      requireEmbeddedSip(this, 'its bans')
      // What svcrack can answer: nothing but MD5.
      const env = { DCE_TELEPHONY_UNKNOWN_SOURCE: unknownSource, DCE_TELEPHONY_DIGEST_ALGORITHMS: 'MD5' }
      exchange = await startExchange(this, { env })
      folder = await mkdtemp(join(tmpdir(), 'dce-words-'))
      cracking = runTool('svcrack', to('-u', 'admin', '-r', '100-999'))
    })
    after(async () => {
      await exchange?.close()
      if (folder) await rm(folder, { recursive: true, force: true })
    })

    const to = (...args: string[]) => ['-p', String(exchange.process.sip().port), ...args, exchange.process.sip().host]
    const disguised = (address: string, tool: Tool, ...args: string[]) => runDisguised(address, tool, to(...args))
    const words = async (name: string, lines: readonly string[]): Promise<string> => {
      const file = join(folder, name)
      await writeFile(file, `${lines.join('\n')}\n`)
      return file
    }
    const bans = async () =>
      new Map(
        (await exchange.api.listAll<{ id: string; address: string; offence: string; dropped: number }>('sip/bans')).map(
          (ban) => [ban.address, ban],
        ),
      )
    const dropped = async (reason: string): Promise<number> => {
      const line = new RegExp(`^dce_sip_dropped_total\\{reason="${reason}"\\} (\\d+)$`, 'm')
      return Number(line.exec(await exchange.api.metrics())?.[1] ?? 0)
    }

    /** The number's market, a carrier calling while `attack` goes on, and the end of that call as it should be. */
    async function duringACall(attack: (market: Market) => Promise<void>): Promise<void> {
      const market = await Market.open(exchange)
      // Not where the scanners come from: those we ring ourselves are never banned.
      await market.buyer(BUYER, { play: { host: '127.66.11.1' } })
      const caller = await market.startCall(CALLER, { pauseMs: 2500 })
      await market.answered()
      await attack(market)
      await market.went(caller)
      await market.ended({ outcome: 'answered', sip_status: 200, end_reason: 'caller_hung_up' })
      // And those who come now are heard as well.
      const later = await Market.open(exchange)
      await later.buyer(BUYER, { play: { host: '127.66.11.1' } })
      await later.call(CALLER)
      await later.ended({ outcome: 'answered', sip_status: 200, end_reason: 'caller_hung_up' })
    }

    it('finds nothing under its own name, and is banned at sight', async () => {
      await duringACall(async (market) => {
        const names = await words('names', ['100', 'admin', market.number])
        const ends = await Promise.all([
          runTool('svmap', to('-b', '127.66.12.1', '-x', '127.66.12.1')),
          runTool('svwar', to('-d', names, '--force', '-m', 'INVITE')),
        ])
        for (const end of ends) assertFoundNothing(end)
      })
      const banned = await bans()
      for (const address of ['127.66.12.1', '127.0.0.1']) assert.equal(banned.get(address)?.offence, 'scanner', address)
      assert.equal(await dropped('scanner'), 2)
      assert.ok((await exchange.metric('dce_sip_banned')) >= 2)
    })

    const found = unknownSource === 'drop' ? 'no device' : 'a device that does not say what it is'
    it(`finds ${found} when it says it is a phone, and no extension, known or unknown`, async () => {
      await duringACall(async (market) => {
        const lines = [market.number, market.number.slice(1), market.number.slice(2), 'admin', '100', 'nobody']
        const names = await words('extensions', lines)
        const [map, ...wars] = await Promise.all([
          disguised('127.66.12.2', 'svmap'),
          ...['REGISTER', 'OPTIONS', 'INVITE'].map((method, i) =>
            disguised(`127.66.12.${10 + i}`, 'svwar', '-d', names, '--force', '-m', method),
          ),
        ])
        if (unknownSource === 'drop') assertFoundNothing(map)
        else assert.match(map.said, /127\.0\.0\.1:\d+ +\| unknown/)
        for (const war of wars) assertFoundNothing(war)
      })
      if (unknownSource === 'drop') assert.ok((await dropped('unknown_source')) >= 4)
    })

    it('finds out by nothing which agents there are, and cracks no password before it is banned', async () => {
      await duringACall(async (market) => {
        // From here on somebody may register, so even strangers are asked for a password.
        const { username, user } = await hireAgent(await Market.open(exchange))
        const names = await words('agents', [username, `${username}x`, 'nobody', market.number])
        const wrong = Array.from({ length: GUESSES }, (_, i) => `guess${i}`)
        const long = await words('passwords', [...wrong, PASSWORD, ...wrong])
        const before = await dropped('banned')
        const [war, crack] = await Promise.all([
          disguised('127.66.12.20', 'svwar', '-d', names, '--force'),
          disguised('127.66.12.21', 'svcrack', '-u', username, '-d', long, '--maximumtime', '3'),
        ])
        assertFoundNothing(war)
        assertFoundNothing(crack)
        const ban = (await bans()).get('127.66.12.21')
        assert.equal(ban?.offence, 'authentication')
        assert.ok(ban.dropped >= 1, 'it went on knocking')
        assert.ok((await dropped('banned')) > before)
        const { bindings } = await exchange.api.request<{ bindings: object[] }>('GET', `/api/v1/sip-users/${user.id}`)
        assert.deepEqual(bindings, [])
        // The tool can: with the right password among its first it would have found it.
        const short = await words('short', ['guess', PASSWORD])
        const lucky = await disguised('127.66.12.22', 'svcrack', '-u', username, '-d', short, '--maximumtime', '3')
        assert.match(lucky.said, new RegExp(`\\| ${username} +\\| ${PASSWORD} +\\|`))
      })
    })

    it('cracks nothing under its own name either', async () => {
      assertFoundNothing(await cracking)
    })

    it('may come back when an administrator lets it', async () => {
      await exchange.api.request('DELETE', '/api/v1/sip/bans/127.66.12.21')
      await eventually(
        async () => ((await bans()).has('127.66.12.21') ? undefined : true),
        () => 'it is still banned',
      )
    })
  })

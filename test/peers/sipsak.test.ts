import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Market } from '../support/call-market.ts'
import { eventually, requireEmbeddedSip, startExchange, type Exchange } from '../support/exchange.ts'
import { hireAgent, PASSWORD } from '../support/registered-phone.ts'
import { requireProgram, runProgram, type ProgramEnd } from '../support/run-program.ts'

/** What sipsak(1) ends with. */
const EXIT = { fine: 0, refused: 2, unanswered: 3, notFound: 32 } as const

const LIMIT_MS = 20_000

describe('sipsak', function () {
  this.timeout(120_000)
  let exchange: Exchange
  let folder: string
  before(async function () {
    requireProgram(this, 'sipsak')
    requireEmbeddedSip(this, 'its bans and limits')
    exchange = await startExchange(this, { env: { DCE_TELEPHONY_TLS_PORT: '0' } })
    folder = await mkdtemp(join(tmpdir(), 'dce-sipsak-'))
    await writeFile(join(folder, 'gnutls'), '[overrides]\ndisabled-version = tls1.3\n')
  })
  after(async () => {
    await exchange?.close()
    if (folder) await rm(folder, { recursive: true, force: true })
  })

  const sipsak = (user: string, ...args: string[]): Promise<ProgramEnd> => {
    const transport = (['tcp', 'tls'] as const).find((name) => args.includes(name)) ?? 'udp'
    const { host, port } = exchange.process.sip(transport)
    // In TLS 1.3 it takes the session ticket, which comes first, for the end of the connection.
    const env = { GNUTLS_SYSTEM_PRIORITY_FILE: join(folder, 'gnutls') }
    return runProgram('sipsak', [...args, '-s', `sip:${user}${host}:${port}`], LIMIT_MS, env)
  }
  // Gives up after four times T1 instead of after 32 s.
  const ping = async () => (await sipsak('', '--timeout-factor=4')).exitCode
  const bans = () => exchange.api.listAll<{ id: string; address: string; offence: string }>('sip/bans')
  const liftBans = async () => {
    for (const { address } of await bans()) await exchange.api.request('DELETE', `/api/v1/sip/bans/${address}`)
  }
  // It comes from 127.0.0.1 whatever it is told; what one story earned must not reach the next.
  afterEach(liftBans)

  for (const transport of ['udp', 'tcp'] as const)
    it(`gets an answer to its OPTIONS over ${transport.toUpperCase()} that says what we can do`, async () => {
      const asked = await sipsak('', '-E', transport, '-vv', '-q', 'Allow: INVITE, ACK, BYE, CANCEL, OPTIONS')
      assert.equal(asked.exitCode, EXIT.fine, asked.said)
      assert.match(asked.said, new RegExp(`SIP/2.0 200 OK[^]*Via: SIP/2.0/${transport.toUpperCase()}.*received=`))
      const vain = await sipsak('', '-E', transport, '-q', 'Allow: NOTHING')
      assert.equal(vain.exitCode, EXIT.notFound, 'or it would be content with anything')
    })

  it('gets one over TLS 1.2', async () => {
    const asked = await sipsak('', '-E', 'tls', '-vv')
    assert.equal(asked.exitCode, EXIT.fine, asked.said)
    assert.match(asked.said, /SIP\/2.0 200 OK[^]*Via: SIP\/2.0\/TLS/)
  })

  it('traces the way to us in one hop', async () => {
    const traced = await sipsak('anybody@', '-T')
    assert.equal(traced.exitCode, EXIT.fine, traced.said)
    assert.match(traced.said, /^0: .* SIP\/2.0 200 OK/m)
  })

  it('registers, sees who is registered, and unregisters; a wrong password or name gets it nowhere', async () => {
    const market = await Market.open(exchange)
    const { username, user } = await hireAgent(market)
    const bindings = async () =>
      (await exchange.api.request<{ bindings: { user_agent: string }[] }>('GET', `/api/v1/sip-users/${user.id}`))
        .bindings
    // Left to itself it sends `name@` as its username.
    const usrloc = (name: string, password: string, ...more: string[]) =>
      sipsak(`${name}@`, '-U', `--auth-username=${name}`, '-a', password, '-vv', ...more)

    const wrong = await usrloc(username, 'wrong')
    assert.equal(wrong.exitCode, EXIT.refused, wrong.said)
    const nobody = await usrloc('nobody', PASSWORD)
    assert.equal(nobody.exitCode, EXIT.refused, nobody.said)
    assert.deepEqual(await bindings(), [])

    const registered = await usrloc(username, PASSWORD, '-x', '300')
    assert.equal(registered.exitCode, EXIT.fine, registered.said)
    assert.deepEqual(
      (await bindings()).map((binding) => binding.user_agent.split(' ')[0]),
      ['sipsak'],
    )
    const asked = await usrloc(username, PASSWORD, '-C', 'empty', '-vvv')
    assert.equal(asked.exitCode, EXIT.fine, asked.said)
    assert.match(asked.said, new RegExp(`SIP/2.0 200 OK[^]*Contact: <sip:${username}@[^>]+>;expires=`))
    const left = await usrloc(username, PASSWORD, '-C', '*', '-x', '0')
    assert.equal(left.exitCode, EXIT.fine, left.said)
    assert.deepEqual(await bindings(), [])
    await market.close()
  })

  it('breaks its requests at random, as long as it is answered; the calls of carriers go on', async () => {
    const market = await Market.open(exchange)
    await market.buyer('uas-answer-caller-hangs-up-expect-200.xml', { play: { host: '127.66.10.1' } })
    const caller = market.startCall('uac-answered-caller-hangs-up-expect-200.xml', { pauseMs: 1000 })
    const broken = await Promise.all(Array.from({ length: 5 }, () => sipsak('', '-R', '-t', '40')))
    await market.went(await caller)
    for (const { exitCode, said } of broken)
      assert.ok(Object.values(EXIT).includes(exitCode as never), `it ended with ${exitCode}: ${said.slice(-2000)}`)
    // Some had a Via nobody can answer, and some a request that is still a good one; it was heard all the same.
    assert.ok(broken.some(({ said }) => /SIP\/2.0 (400|200)|resending it without/.test(said)))
    await market.ended({ outcome: 'answered', sip_status: 200, end_reason: 'caller_hung_up' })
    await liftBans() // Garbage is an offence.
    assert.equal(await ping(), EXIT.fine)
    await exchange.neverSaid(/"level":"(error|fatal)"/)
  })

  it('floods, and is not listened to; the calls of carriers go on', async () => {
    const market = await Market.open(exchange)
    await market.buyer('uas-answer-caller-hangs-up-expect-200.xml', { play: { host: '127.66.10.2' } })
    const caller = await market.startCall('uac-answered-caller-hangs-up-expect-200.xml', { pauseMs: 1000 })
    const flood = await sipsak('', '-F', '-e', '5000')
    assert.equal(flood.exitCode, EXIT.fine, flood.said)
    const [ban] = await eventually(
      async () => ((await bans()).length > 0 ? bans() : undefined),
      () => 'nobody was banned',
    )
    assert.deepEqual([ban!.address, ban!.offence], ['127.0.0.1', 'requests'])
    assert.equal(await ping(), EXIT.unanswered)
    await market.went(caller)
    await market.ended({ outcome: 'answered', sip_status: 200, end_reason: 'caller_hung_up' })
    await liftBans()
    assert.equal(await ping(), EXIT.fine)
  })
})

import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { setTimeout as sleep } from 'node:timers/promises'
import { buildSdp, readAudioAddress } from '../../sipp/agents/sdp.ts'
import { createUserAgent } from '../../sipp/agents/user-agent.ts'
import { BadLine } from '../support/bad-line.ts'
import { Market } from '../support/call-market.ts'
import { requireEmbeddedSip, startExchange, type Exchange } from '../support/exchange.ts'
import { Headset } from '../support/headset.ts'
import { mediaOf, type LegMedia } from '../support/talks.ts'

/** G.711 with concealment has Ie 0 and Bpl 25.1 (G.113 appendix I): R = 93.2 − 95·Ppl/(Ppl + Bpl) (G.107 §7), MOS by annex B. */
function g107(lossPercent: number): number {
  const r = 93.2 - (95 * lossPercent) / (lossPercent + 25.1)
  return 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6
}

const lossPercent = ({ packets_lost: lost, packets_received: received }: LegMedia) => (100 * lost) / (lost + received)

describe('audio over a bad network', function () {
  this.timeout(90_000)
  let exchange: Exchange
  before(async function () {
    exchange = await startExchange(this)
  })
  after(() => exchange?.close())

  /** A call whose caller's line is bad; what the record says of it, and of the buyer's good one. */
  async function call(
    lossShare: number,
    jitterMs: number,
  ): Promise<{ line: BadLine; caller: LegMedia; buyer: LegMedia }> {
    const market = await Market.open(exchange)
    const line = await BadLine.open({ address: market.address, lossShare, jitterMs })
    const headset = await Headset.open(650)
    const carrier = await createUserAgent({ address: market.address })
    const desk = await createUserAgent()
    try {
      await market.standingBid(desk.local)
      desk.on('call', (incoming) => {
        incoming.accept(buildSdp(headset))
        headset.speak(readAudioAddress(incoming.remoteSdp)!)
      })
      const target = exchange.process.sip()
      const placed = carrier.call({ to: market.number, from: '+12125550142', target, sdp: buildSdp(line) })
      const outcome = await placed.outcome
      assert.ok(outcome.kind === 'answered', JSON.stringify(outcome))
      line.speak(readAudioAddress(outcome.sdp)!)
      await sleep(6000)
      await line.stop()
      await placed.hangUp()
      const [caller, buyer] = mediaOf((await market.records(1))[0]!)
      await market.close()
      return { line, caller: caller!, buyer: buyer! }
    } finally {
      await Promise.all([line.close(), headset.close(), carrier.close(), desk.close()])
    }
  }

  it('is scored as G.107 says: by loss, and not by the jitter that a buffer takes away', async () => {
    const [good, lossy, lossyAndLate, awful] = await Promise.all([
      call(0, 0),
      call(0.05, 0),
      call(0.05, 40),
      call(0.2, 40),
    ])
    for (const { line, caller, buyer } of [good, lossy, lossyAndLate, awful]) {
      assert.equal(caller.packets_lost, line.lost, 'the loss is counted packet by packet')
      assert.equal(buyer.packets_lost, 0, 'on its own side only')
      const expected = g107(lossPercent(caller))
      // A score each five seconds, and their mean: the loss of each stretch differs.
      assert.ok(Math.abs(caller.mos_mean! - expected) < 0.1, `${caller.mos_mean}, by G.107 ${expected}`)
      assert.ok(buyer.mos_mean! > 4.3, String(buyer.mos_mean))
    }
    assert.ok(good.caller.mos_mean! > lossy.caller.mos_mean! && lossy.caller.mos_mean! > awful.caller.mos_mean!)
    // |D| of two delays between 0 and 40 ms is 13.3 ms on average.
    for (const { caller } of [lossyAndLate, awful])
      assert.ok(caller.jitter_ms > 6 && caller.jitter_ms < 25, `${caller.jitter_ms} ms of jitter`)
    await exchange.assertMoneyBalances()
  })

  /** What the kernel of this machine can do to a loopback of its own; null when nothing. */
  const KERNEL = [
    {
      name: 'tc netem: 5 % lost, 40 ms of jitter',
      spoil: 'tc qdisc add dev lo root netem delay 40ms 40ms loss 5%',
      mend: 'tc qdisc del dev lo root',
    },
    {
      // 172 bytes of RTP and 8 of UDP.
      name: 'nftables: 5 % of the RTP lost',
      spoil:
        'nft "add table ip bad; add chain ip bad out { type filter hook output priority 0; }; add rule ip bad out udp length 180 numgen random mod 100 < 5 drop"',
      mend: 'nft delete table ip bad',
    },
  ].map((tool) => ({ ...tool, error: inNamespace(`${tool.spoil} && ${tool.mend}`) }))

  for (const { name, spoil, mend, error } of KERNEL) {
    it(`is scored so in a network namespace, too (${name})`, async function () {
      requireEmbeddedSip(this, 'to be in a namespace with it')
      if (error !== null) {
        process.stdout.write(`skipped: ${name}: ${error}\n`)
        return this.skip()
      }
      const program = fileURLToPath(new URL('../support/namespace-call.ts', import.meta.url))
      const script = 'ip link set lo up && exec "$0" "$@"'
      const child = spawn('unshare', ['-n', 'sh', '-c', script, process.execPath, program, spoil, mend])
      const [said, complaints, [code]] = await Promise.all([
        text(child.stdout),
        text(child.stderr),
        once(child, 'exit'),
      ])
      assert.equal(code, 0, complaints)
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- As that program prints it.
      const records = JSON.parse(said) as { ending: string; media: LegMedia[] }[]
      assert.ok(records.length > 0)
      for (const { ending, media } of records) {
        assert.equal(ending, 'caller_hung_up')
        for (const leg of media) {
          const percent = lossPercent(leg)
          assert.ok(percent > 0.5 && percent < 13, `${percent} % lost`)
          assert.ok(Math.abs(leg.mos_mean! - g107(percent)) < 0.25, `${leg.mos_mean}, by G.107 ${g107(percent)}`)
        }
      }
    })
  }
})

/** Runs a command with a loopback of its own. Null when it could; else why not. */
function inNamespace(command: string): string | null {
  const { status, error, stderr } = spawnSync('unshare', ['-n', 'sh', '-c', `ip link set lo up && ${command}`])
  if (status === 0) return null
  return (error?.message ?? stderr.toString().trim().split('\n')[0]) || `exit ${status}`
}

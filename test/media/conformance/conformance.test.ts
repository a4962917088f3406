import { RtpParty } from '../relay/rtp-party.ts'
import { BEHAVIOURS } from './behaviours.ts'
import type { Behaviour } from './stage.ts'
import { ENGINES, type EngineUnderTest, type RunningEngine } from './engines-present.ts'

type Verdict = 'yes' | 'NO' | 'not a capability' | 'not run'

/** What came of each behaviour on each engine. */
const table = new Map<Behaviour, Map<string, Verdict>>(BEHAVIOURS.map((behaviour) => [behaviour, new Map()]))

describe('what every media engine does', function () {
  this.timeout(90_000)

  for (const engine of ENGINES) {
    describe(engine.name, () => runOver(engine))
  }

  after(() => {
    const width = Math.max(...BEHAVIOURS.map(({ name }) => name.length))
    const row = (name: string, cells: readonly string[]): string =>
      `      ${name.padEnd(width)} │ ${cells.map((cell) => cell.padEnd(16)).join(' │ ')}\n`
    let text = `\n${row(
      '',
      ENGINES.map(({ name }) => name),
    )}`
    for (const [behaviour, verdicts] of table)
      text += row(
        behaviour.name,
        ENGINES.map(({ name }) => verdicts.get(name) ?? 'not run'),
      )
    for (const { name, absent } of ENGINES) if (absent !== null) text += `      ${name}: not run, since ${absent}\n`
    process.stdout.write(text)
  })
})

function runOver(engine: EngineUnderTest): void {
  let running: RunningEngine | null = null

  before(async function () {
    if (engine.absent !== null) return this.skip()
    running = await engine.start()
  })

  after(() => running?.close())

  for (const behaviour of BEHAVIOURS) {
    it(behaviour.name, async function () {
      const verdicts = table.get(behaviour)!
      const { server } = running!
      if (behaviour.needs && !server.capabilities.has(behaviour.needs)) {
        verdicts.set(engine.name, 'not a capability')
        return
      }
      if (behaviour.kills && running!.kill === null) {
        verdicts.set(engine.name, 'not run')
        return
      }
      verdicts.set(engine.name, 'NO')
      const [caller, buyer, third] = [await RtpParty.open(), await RtpParty.open(), await RtpParty.open()]
      try {
        await behaviour.run({ engine: server, running: running!, caller, buyer, third })
        verdicts.set(engine.name, 'yes')
      } finally {
        for (const party of [caller, buyer, third]) party.close()
      }
    })
  }
}

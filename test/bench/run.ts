import { availableParallelism, cpus, totalmem } from 'node:os'
import type { BenchResult } from './bench-result.ts'

interface Bench {
  run(): Promise<BenchResult[]>
}

/** What `npm run bench -- NAME` takes, in the order they run; a later issue brings `ws`. */
const NAMES = [
  'routing',
  'auction',
  'compliance',
  'stir',
  'dnc',
  'fraud',
  'bids',
  'ledger',
  'redis',
  'events',
  'reports',
  'api',
  'bid-request',
  'tracking',
  'media',
  'sip-parser',
  'sip',
  'sip-overload',
  'sip-websocket',
  'memory',
]
/** What runs only when it is named. */
const NAMED_ONLY = ['in-turn']

async function main(args: readonly string[]): Promise<void> {
  const json = args.includes('--json')
  const wanted = args.filter((arg) => !arg.startsWith('--'))
  const results: BenchResult[] = []
  const names = wanted.length > 0 ? [...NAMES, ...NAMED_ONLY].filter((name) => wanted.includes(name)) : NAMES
  for (const name of names) {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- One of our own files beside this one.
    const bench = (await import(`./${name}.ts`)) as Bench
    if (!json) say(`… ${name}`)
    const measured = await bench.run()
    results.push(...measured)
    if (!json) for (const result of measured) say(line(result))
  }
  if (results.length === 0)
    throw new Error(`no such benchmark: ${wanted.join(' ')}; there are ${[...NAMES, ...NAMED_ONLY].join(', ')}`)
  if (json) say(JSON.stringify(results))
  else
    say(
      `\nmeasured on ${availableParallelism()} × ${cpus()[0]?.model ?? 'CPU'}, ${Math.round(totalmem() / 1024 ** 3)} GiB, Node ${process.version}`,
    )
}

function line({ name, value, unit, detail }: BenchResult): string {
  const shown = Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3)
  return `${name.padEnd(34)} ${shown.padStart(12)} ${unit.padEnd(5)}  ${detail}`
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

await main(process.argv.slice(2))

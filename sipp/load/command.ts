import { writeFile } from 'node:fs/promises'
import { renderPage } from './html.ts'
import { runLoad } from './load.ts'
import { readLoadOptions, USAGE } from './options.ts'
import { printReport } from './report.ts'

/**
 * `npm run load`: reads the flags, runs, prints. Resolves to the exit code: 0 when no call failed and the money adds up.
 * Throws LoadUsage, and what stops a run before it has begun.
 */
export async function loadCommand(flags: ReadonlyMap<string, string>, print: (line: string) => void): Promise<number> {
  if (flags.has('help')) {
    print(USAGE)
    return 0
  }
  const options = readLoadOptions(flags)
  const report = await runLoad(options, print)
  print('')
  for (const line of printReport(report)) print(line)
  if (options.html !== null) {
    await writeFile(options.html, renderPage(report, new Date()))
    print(`the report as a page: ${options.html}`)
  }
  return report.failed === 0 && report.balanceSum === 0n ? 0 : 1
}

import { validatePhone } from '../../compliance/validate-phone.ts'
import { loadPlaces } from '../../config/reference-data.ts'
import type { Settings } from '../../config/settings.ts'
import { systemClock } from '../../model/clock.ts'
import type { CallId } from '../../model/ids.ts'
import type { PhoneNumber } from '../../model/phone-number.ts'
import { createRecordingShelf } from '../start/recording-settings.ts'
import { LONG_STATEMENT_MS, openCommandStorage } from './command-storage.ts'

type Print = (line: string) => void

/** `dce privacy …`. Answers whether all is well. */
export async function privacyCommand(
  [verb = '', what = '']: readonly string[],
  reason: string | null,
  settings: Settings,
  print: Print,
): Promise<boolean> {
  const run = VERBS[verb]
  if (!run) throw new RangeError(`${verb || '(nothing)'}: ${Object.keys(VERBS).join(', ')} are the forms`)
  const storage = await openCommandStorage(settings, LONG_STATEMENT_MS)
  try {
    const { stores, recordings: store, log } = storage
    const shelf = createRecordingShelf(settings, { store, clock: systemClock, log })
    const recordings = (callIds: readonly string[]): Promise<void> => shelf.erase(callIds as readonly CallId[])
    return await run({ privacy: stores.privacy, recordings, what, reason, print })
  } finally {
    await storage.close()
  }
}

interface Work {
  readonly privacy: Awaited<ReturnType<typeof openCommandStorage>>['stores']['privacy']
  readonly what: string
  readonly reason: string | null
  readonly recordings: (callIds: readonly string[]) => Promise<void>
  readonly print: Print
}

const VERBS: Readonly<Record<string, (work: Work) => Promise<boolean>>> = {
  async retention({ privacy, print }) {
    for (const { class: of, days, waiting, source } of await privacy.look())
      print(`${of}: ${days} days (${source}); ${waiting ?? 'unknown'} rows wait to go`)
    return true
  },
  async export({ privacy, what, print }) {
    for await (const each of privacy.export(numberOf(what))) print(JSON.stringify(each))
    return true
  },
  async erase({ privacy, recordings, what, reason, print }) {
    if (!reason) throw new RangeError('--reason is missing: who asked, and how')
    const erasure = await privacy.erase(numberOf(what), { askedBy: 'dce', reason }, recordings)
    for (const [table, rows] of Object.entries(erasure.changed)) print(`${table}: ${rows} rows`)
    print(`the number is ${erasure.pseudonym} from now on`)
    print(
      'An exchange that is running still has SIP messages of its latest calls in memory: POST /privacy/erase masks those.',
    )
    return true
  },
  async verify({ privacy, print }) {
    const { chunks, rows, faults } = await privacy.verifyArchive()
    print(`${rows} rows in ${chunks} chunks`)
    for (const fault of faults) print(fault)
    print(faults.length === 0 ? 'the archive is as it was written' : 'THE ARCHIVE IS NOT AS IT WAS WRITTEN')
    return faults.length === 0
  },
  async archived({ privacy, what, print }) {
    const lines = await privacy.archivedOf(what)
    for (const { class: of, line } of lines) print(`${of} ${line}`)
    if (lines.length === 0) print(`${what}: nothing of it is in the archive`)
    return lines.length > 0
  },
}

function numberOf(text: string): PhoneNumber {
  const { valid, e164, reason } = validatePhone(text, loadPlaces())
  if (!valid || e164 === null)
    throw new RangeError(`${text || '(missing)'}: not a phone number: ${reason ?? 'unknown form'}`)
  return e164
}

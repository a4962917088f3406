import { auditKeys } from '../../compliance/audit/audit-key.ts'
import { auditPage } from '../../compliance/audit/audit-page.ts'
import { HeadsFile } from '../../compliance/audit/heads-file.ts'
import { auditPagesAsHtml, auditPagesAsText } from '../../compliance/audit/print-audit-page.ts'
import { verifyAudit } from '../../compliance/audit/verify-audit.ts'
import type { Settings } from '../../config/settings.ts'
import { isId, type CallId } from '../../model/ids.ts'
import { auditPlaces } from '../start/audit.ts'
import { openCommandStorage, printAuditLine } from './command-storage.ts'

type Print = (line: string) => void

/** `dce audit verify`: whether anything in the audit was changed, moved, added or taken away since it was sealed. */
export async function verifyAuditCommand(settings: Settings, headsPath: string | null, print: Print): Promise<boolean> {
  const places = auditPlaces(settings)
  const file = headsPath === null ? places.heads : new HeadsFile(headsPath)
  const heads = await file.read()
  if (heads === null && headsPath !== null) throw new RangeError(`--heads: there is no file ${headsPath}`)
  const keys = auditKeys(places.keys)
  const storage = await openCommandStorage(settings)
  try {
    const { blocks, lines, faults } = await verifyAudit(storage.stores.audit, keys, heads ?? [])
    print(`${lines} lines in ${blocks} blocks, ${heads?.length ?? 0} heads in ${file.path}`)
    for (const fault of faults) print(fault)
    print(faults.length === 0 ? 'the audit is as it was sealed' : 'THE AUDIT IS NOT AS IT WAS SEALED')
    return faults.length === 0
  } finally {
    await storage.close()
  }
}

/** `dce audit show CALL`: the auditor's page of one call, as text, or as HTML. */
export async function showAudit(settings: Settings, callId: string, asHtml: boolean, print: Print): Promise<void> {
  if (!isId(callId)) throw new RangeError(`${callId} is no call's id`)
  const storage = await openCommandStorage(settings)
  try {
    const { audit, calls } = storage.stores
    const entries = await audit.ofCall(callId as CallId)
    if (entries.length === 0) throw new RangeError(`nothing of call ${callId} is in the audit`)
    const call = await calls.find(callId as CallId)
    const keys = auditKeys(auditPlaces(settings).keys)
    const pages = entries.map((entry) => auditPage(entry, keys, call))
    print((asHtml ? auditPagesAsHtml(pages) : auditPagesAsText(pages)).trimEnd())
  } finally {
    await storage.close()
  }
}

/** `dce audit export`: a line of JSON for each line of the audit. */
export async function exportAudit(
  settings: Settings,
  from: string | null,
  until: string | null,
  print: Print,
): Promise<void> {
  const [first, last] = [timeOf('from', from, 0), timeOf('until', until, Date.now())]
  if (first >= last) throw new RangeError('--until must be later than --from')
  const storage = await openCommandStorage(settings)
  try {
    for await (const line of storage.stores.audit.export(first, last)) print(printAuditLine(line))
  } finally {
    await storage.close()
  }
}

function timeOf(name: string, text: string | null, otherwise: number): Date {
  const time = new Date(text ?? otherwise)
  if (Number.isNaN(time.getTime())) throw new RangeError(`--${name} is no time: ${text}`)
  return time
}

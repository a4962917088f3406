import type { AuditPage } from './audit-page.ts'

type Fact = AuditPage['facts'][number]

/** The pages as text, for a terminal or a file. */
export function auditPagesAsText(pages: readonly AuditPage[]): string {
  return pages.map(textOf).join('\n')
}

/** The pages as one document of HTML that loads nothing from anywhere, to be read or printed. */
export function auditPagesAsHtml(pages: readonly AuditPage[]): string {
  const title = escape(pages[0]?.title ?? 'Compliance audit')
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${title}</title><style>
body { font: 14px/1.4 system-ui, sans-serif; margin: 2em; max-width: 75em }
h1 { font-size: 1.3em } h2 { font-size: 1.05em; margin: 1.4em 0 .4em }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: .25em .7em .25em 0; border-bottom: 1px solid #ccc; overflow-wrap: anywhere }
.facts th { width: 9em; font-weight: normal; color: #555 }
.refuses { font-weight: bold; color: #a00 }
.verdict { font-size: 1.1em }
@media print { body { margin: 0 } article { break-after: page } }
</style></head><body>
${pages.map(htmlOf).join('\n')}
</body></html>
`
}

function textOf({ title, verdict, facts, inputs, checks, seal }: AuditPage): string {
  const lines = [
    title,
    '='.repeat(title.length),
    '',
    ...listed([['verdict', verdict], ...facts]),
    '',
    'Judged by',
    ...listed(inputs),
  ]
  lines.push('', 'Checks, in the order of precedence')
  for (const [i, check] of checks.entries()) {
    lines.push(`  ${i + 1}. ${check.check}: ${check.verdict}`)
    const { rule, version, source, finding, time } = check
    lines.push(...listed(Object.entries({ rule, version, source, finding, time }), 5))
  }
  if (checks.length === 0) lines.push('  none')
  return [...lines, '', 'Seal', ...listed(seal), ''].join('\n')
}

function listed(facts: readonly Fact[], indent = 2): string[] {
  const width = Math.max(0, ...facts.map(([name]) => name.length))
  return facts.map(([name, value]) => `${' '.repeat(indent)}${name.padEnd(width)}  ${visible(value)}`)
}

function htmlOf({ title, verdict, facts, inputs, checks, seal }: AuditPage): string {
  const rows = checks.map(({ check, rule, version, source, finding, verdict: said, time }, i) => {
    const cells = [String(i + 1), check, rule, version, source, finding].map((cell) => `<td>${escape(cell)}</td>`)
    return `<tr>${cells.join('')}<td class="${said}">${escape(said)}</td><td>${escape(time)}</td></tr>`
  })
  const head = ['', 'check', 'rule', 'version', 'source', 'finding', 'verdict', 'time'].map(
    (name) => `<th>${name}</th>`,
  )
  return `<article><h1>${escape(title)}</h1>
<p class="verdict">${escape(verdict)}</p>
${table(facts)}
<h2>Judged by</h2>${table(inputs)}
<h2>Checks, in the order of precedence</h2>
<table><thead><tr>${head.join('')}</tr></thead><tbody>${rows.join('\n')}</tbody></table>
<h2>Seal</h2>${table(seal)}</article>`
}

function table(facts: readonly Fact[]): string {
  const rows = facts.map(([name, value]) => `<tr><th>${escape(name)}</th><td>${escape(value)}</td></tr>`)
  return `<table class="facts">${rows.join('')}</table>`
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function escape(text: string): string {
  return visible(text).replaceAll(/[&<>"']/g, (letter) => ENTITIES[letter]!)
}

/** What callers and carriers wrote may hold anything; a terminal must not obey it, nor a line end where it does not. */
function visible(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '�')
}

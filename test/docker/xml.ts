/** One element of an XML document. */
export interface Element {
  readonly name: string
  readonly attributes: Readonly<Record<string, string>>
  readonly children: readonly Element[]
}

/** The root element. Throws when the text is not well formed, as far as configuration files go: no entities of their own, no CDATA. */
export function parseXml(text: string): Element {
  const body = text.replace(/^<\?xml [^?]*\?>\s*/, '').replace(/<!--(?:(?!--)[^])*-->/g, '')
  const root = { name: '', attributes: {}, children: [] as Element[] }
  const open = [root]
  let at = 0
  for (const match of body.matchAll(/<(\/?)([\w:.-]+)((?:\s+[\w:.-]+="[^"<&]*")*)\s*(\/?)>/g)) {
    if (body.slice(at, match.index).trim() !== '') throw new Error(`not XML: ${body.slice(at, match.index).trim()}`)
    at = match.index + match[0].length
    const [, closes, name = '', attributes = '', isEmpty] = match
    if (closes) {
      if (open.pop()!.name !== name) throw new Error(`</${name}> closes another element`)
      continue
    }
    const pairs = [...attributes.matchAll(/([\w:.-]+)="([^"]*)"/g)].map(([, key, value]) => [key!, value!] as const)
    if (new Set(pairs.map(([key]) => key)).size !== pairs.length) throw new Error(`<${name}> has an attribute twice`)
    const element = { name, attributes: Object.fromEntries(pairs), children: [] as Element[] }
    open.at(-1)!.children.push(element)
    if (!isEmpty) open.push(element)
  }
  if (body.slice(at).trim() !== '' || open.length !== 1 || root.children.length !== 1)
    throw new Error('not one whole element')
  return root.children[0]!
}

/** Every element of this name, at any depth. */
export function all(element: Element, name: string): Element[] {
  return element.children.flatMap((child) => [...(child.name === name ? [child] : []), ...all(child, name)])
}

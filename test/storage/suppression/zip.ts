import { crc32, deflateRawSync } from 'node:zlib'

/** A zip archive of these files; `sizesFollow`: sizes and checksums stand behind each, as programs write that do not know them before. */
export function zip(files: Readonly<Record<string, string>>, { sizesFollow = false } = {}): Buffer {
  const parts: Buffer[] = []
  const directory: Buffer[] = []
  let offset = 0
  for (const [name, text] of Object.entries(files)) {
    const plain = Buffer.from(text)
    const packed = deflateRawSync(plain)
    const sizes = Buffer.alloc(12)
    sizes.writeUInt32LE(crc32(plain), 0)
    sizes.writeUInt32LE(packed.length, 4)
    sizes.writeUInt32LE(plain.length, 8)
    const middle = Buffer.alloc(10)
    middle.writeUInt16LE(20, 0)
    middle.writeUInt16LE(sizesFollow ? 8 : 0, 2)
    middle.writeUInt16LE(8, 4)
    const lengths = Buffer.alloc(4)
    lengths.writeUInt16LE(name.length, 0)
    const local = [mark(0x04034b50), middle, sizesFollow ? Buffer.alloc(12) : sizes, lengths, Buffer.from(name), packed]
    if (sizesFollow) local.push(mark(0x08074b50), sizes)
    const entry = Buffer.concat(local)
    const rest = Buffer.alloc(14)
    rest.writeUInt32LE(offset, 10)
    directory.push(Buffer.concat([mark(0x02014b50), Buffer.alloc(2), middle, sizes, lengths, rest, Buffer.from(name)]))
    offset += entry.length
    parts.push(entry)
  }
  const entries = Buffer.concat(directory)
  const end = Buffer.alloc(18)
  end.writeUInt16LE(directory.length, 4)
  end.writeUInt16LE(directory.length, 6)
  end.writeUInt32LE(entries.length, 8)
  end.writeUInt32LE(offset, 12)
  return Buffer.concat([...parts, entries, mark(0x06054b50), end])
}

function mark(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

// How a field of ours is written: folded at 72 columns (RFC 5322 2.2.3), and words outside ASCII as encoded words (RFC 2047).

const MAX_COLUMNS = 72
/** 45 bytes make 60 characters of base64: an encoded word may have 75 (RFC 2047 2). */
const MAX_WORD_BYTES = 45

/** The field with its words joined by the separator; a new line begins where the next word does not fit any more. */
export function foldedField(name: string, words: readonly string[], separator: ' ' | ','): string {
  let text = `${name}:`
  let column = text.length
  for (const [index, word] of words.entries()) {
    const last = index === words.length - 1
    const piece = separator === ',' && !last ? `${word},` : word
    const isFolded = index > 0 && column + 1 + piece.length > MAX_COLUMNS
    const blank = isFolded ? '\n\t' : separator === ' ' || index === 0 ? ' ' : ''
    text += blank + piece
    column = (isFolded ? 8 : column + blank.length) + piece.length
  }
  return text
}

/** The text with every run of words outside ASCII encoded; plain words stay readable for rules. */
export function encodedText(text: string): string {
  return text.replace(/[^ ]*[^\x20-\x7e][^ ]*(?: +[^ ]*[^\x20-\x7e][^ ]*)*/g, encodedWords)
}

function encodedWords(text: string): string {
  const words: string[] = []
  let piece = ''
  for (const character of text) {
    if (Buffer.byteLength(piece + character) > MAX_WORD_BYTES) {
      words.push(piece)
      piece = ''
    }
    piece += character
  }
  words.push(piece)
  return words.map(word => `=?UTF-8?B?${Buffer.from(word).toString('base64')}?=`).join(' ')
}

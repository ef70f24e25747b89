/** How the tiles of a call are laid out: each `width` × `height` CSS pixels, `columns` to a row. */
export interface GridLayout {
  readonly columns: number;
  readonly width: number;
  readonly height: number;
}

/** The narrowest and the widest shape that a tile may have, as width over height. */
const NARROWEST = 0.76;
const WIDEST = 1.9;

/** Between 4:3 and 16:9: the shape that most cameras come near. */
const PICTURE = 1.55;

/**
 * The layout that shows most of the pictures of `count` participants in a stage of `width` × `height`
 * with `gap` between them. Pictures fill their tile (`object-fit: cover`), so a tile's shape may
 * bend towards the space there is, within limits that keep a face in the picture.
 */
export function layoutGrid(count: number, width: number, height: number, gap: number): GridLayout {
  let best: GridLayout = { columns: 1, width: 0, height: 0 };
  let most = 0;
  for (let columns = 1; columns <= count; columns += 1) {
    const rows = Math.ceil(count / columns);
    const cellWidth = (width - gap * (columns - 1)) / columns;
    const cellHeight = (height - gap * (rows - 1)) / rows;
    if (cellWidth <= 0 || cellHeight <= 0) continue;
    const tileWidth = Math.floor(Math.min(cellWidth, cellHeight * WIDEST));
    const tileHeight = Math.floor(Math.min(cellHeight, cellWidth / NARROWEST));
    // Half way between the largest tiles and the largest part of a picture that is not cut off.
    const shape = tileWidth / tileHeight / PICTURE;
    const worth = tileWidth * tileHeight * Math.sqrt(Math.min(shape, 1 / shape));
    if (worth > most) {
      most = worth;
      best = { columns, width: tileWidth, height: tileHeight };
    }
  }
  return best;
}

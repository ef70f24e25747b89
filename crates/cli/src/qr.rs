//! A QR code made of half blocks, for a telephone that looks at the terminal.

use qrcode::render::unicode::Dense1x2;
use qrcode::{EcLevel, QrCode};

/// The code for `text`, a line per two rows. `None` when it is too long for a code.
///
/// `colour`: black on white by the terminal's colours. Without them the code is drawn for light text
/// on dark ground, as most terminals have it.
pub(crate) fn draw(text: &str, colour: bool) -> Option<String> {
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    let mut image = code.render::<Dense1x2>();
    if !colour {
        image.dark_color(Dense1x2::Light).light_color(Dense1x2::Dark);
    }
    let rows = image.build();
    let line =
        |row: &str| if colour { format!("  \x1b[30;107m{row}\x1b[0m\n") } else { format!("  {row}\n") };
    Some(rows.lines().map(line).collect())
}

#[cfg(test)]
mod tests {
    use super::draw;

    #[test]
    fn a_link_fits_a_small_terminal() {
        let code = draw("https://192.0.2.2:8443", false).unwrap();
        assert!(code.lines().count() <= 20);
        assert!(code.lines().all(|line| line.chars().count() <= 40));
        assert!(!code.contains('\x1b'));
    }
}

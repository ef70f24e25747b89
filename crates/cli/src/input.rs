//! Standard input, line by line.

use std::io::BufRead as _;

use tokio::sync::mpsc;

/// The lines, without their ends; what is no UTF-8 in them is replaced. A line is read when the one before was taken.
pub(crate) fn lines() -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::channel(1);
    // A thread of its own: nothing else can wait for a terminal. It ends with the process.
    std::thread::spawn(move || {
        let mut input = std::io::stdin().lock();
        let mut line = Vec::new();
        loop {
            line.clear();
            match input.read_until(b'\n', &mut line) {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
            let text = String::from_utf8_lossy(&line);
            let text = text.strip_suffix('\n').map_or(&*text, |text| text.strip_suffix('\r').unwrap_or(text));
            if sender.blocking_send(text.to_owned()).is_err() {
                return;
            }
        }
    });
    lines
}

//! §4: names that climb out, hide or collide.

use peerline_transfer::{FilePath, InvalidPath};
use proptest::prelude::*;

#[test]
fn section_4_names_are_mended_by_the_sender() {
    let mended =
        |segments: &[&str]| FilePath::sanitise(segments.iter().copied()).map(|path| path.to_string());
    assert_eq!(mended(&["a", "b: c?.txt"]).unwrap(), "a/b_ c_.txt");
    assert_eq!(mended(&["CON.txt"]).unwrap(), "_CON.txt");
    assert_eq!(mended(&["x/y"]).unwrap(), "x_y");
    assert_eq!(mended(&["photo\u{202e}gnp.exe"]).unwrap(), "photo_gnp.exe");
    assert_eq!(mended(&["name. "]).unwrap(), "name. _");
    assert_eq!(mended(&["a.peerline-part"]).unwrap(), "a.peerline-part_");
    assert_eq!(mended(&["..", "a"]), Err(InvalidPath::Climbs));
    assert_eq!(mended(&[""]), Err(InvalidPath::Empty));
}

proptest! {
    /// What is mended is valid; what is valid is left as it is, and stays below the directory it is joined to.
    #[test]
    fn section_4_no_path_leads_out(segments in prop::collection::vec("\\PC{0,12}|[.]{1,3}|(?i)(con|lpt)[0-9]?[. ]*|[a-c/\\\\:\u{0}\u{202e}]{1,6}", 1..5)) {
        if let Ok(path) = FilePath::sanitise(segments.iter().map(String::as_str)) {
            prop_assert_eq!(FilePath::parse(path.as_str()), Ok(path.clone()));
            prop_assert_eq!(FilePath::sanitise(path.segments()), Ok(path.clone()));
        }
        if let Ok(path) = FilePath::parse(&segments.join("/")) {
            let joined = std::path::Path::new("/below").join(path.as_str());
            let normal = |component: std::path::Component<'_>| matches!(component, std::path::Component::Normal(_));
            prop_assert!(joined.starts_with("/below") && joined.components().skip(1).all(normal));
        }
    }
}

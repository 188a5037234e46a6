//! The reader of XML.

#[path = "../../../fuzz/src/xml.rs"]
mod beside;

use countersign::evidence::xml::{ATTRIBUTE_LIMIT, Event, Xml};
use countersign::evidence::{Tally, recognise};
use countersign::model::bounds::Bounds;
use countersign::model::kind::Format;
use countersign::model::report::{About, Fault, Place};
use countersign::model::verdict::Reason;
use rstest::rstest;

/// Reads a whole document, and gives every attribute with its value.
fn attributes(bytes: &[u8]) -> Result<Vec<(String, String)>, Fault> {
    let mut xml = Xml::new(bytes);
    let mut all = Vec::new();
    loop {
        match xml.next()? {
            Event::Open(tag) => tag.attributes(&xml, |name, value| {
                all.push((name.to_owned(), value.into_owned()));
                Ok(())
            })?,
            Event::Close | Event::Text(_) => {}
            Event::End => return Ok(all),
        }
    }
}

#[rstest]
#[case("<a b='1'/>", "1")]
#[case("<a b=\"it's\"/>", "it's")]
#[case("<a\n\tb =\r\n '1' />", "1")]
#[case("<a b='x>y'></a>", "x>y")]
#[case("<a n:b='1'/>", "1")]
#[case("<a b='&lt;&gt;&amp;&quot;&apos;&#65;&#x42;'/>", "<>&\"'AB")]
#[case("<a b='1\t2\n3\r\n4&#10;5'/>", "1 2 3 4\n5")]
#[case("<a b=''/>", "")]
fn an_attribute_has_the_value_that_xml_gives_it(#[case] text: &str, #[case] value: &str) {
    assert_eq!(attributes(text.as_bytes()).unwrap(), [("b".to_owned(), value.to_owned())]);
}

#[rstest]
#[case("<a b='1' b='2'/>", "the attribute `b` stands twice in one element; keep one of them")]
#[case("<a b='1' c='2' d='3' b='4'/>", "the attribute `b` stands twice in one element; keep one of them")]
#[case("<a b/>", "the attribute `b` has no value")]
#[case("<a b=1/>", "the value of the attribute `b` is not in quotes")]
#[case("<a b='1'c='2'/>", "no space stands after the attribute `b`")]
#[case("<a ='1'/>", "expected the name of an attribute")]
#[case("<a b='x & y'/>", "the attribute `b` holds a `&` that begins no reference of XML; write `&amp;`")]
#[case("<a b='&nbsp;'/>", "the attribute `b` holds a `&` that begins no reference of XML; write `&amp;`")]
#[case("<a><b c='x' d='&nbsp;'/></a>", "the attribute `d` holds a `&` that begins no reference of XML; write `&amp;`")]
#[case("<a b='&#xD800;'/>", "the attribute `b` holds a `&` that begins no reference of XML; write `&amp;`")]
#[case("<a b='1 < 2'/>", "the attribute `b` holds a `<`; write `&lt;`")]
#[case("<a b='&#0;'/>", "the attribute `b` refers to a character that XML does not allow; leave it out")]
#[case("<a b='x&#x1b;[1m'/>", "the attribute `b` refers to a character that XML does not allow; leave it out")]
#[case("<a b='&#xFFFE;'/>", "the attribute `b` refers to a character that XML does not allow; leave it out")]
#[case("<a>&#0;</a>", "`&#0;` is a character that XML does not allow; leave it out")]
#[case("<a>&#x0;</a>", "`&#x0;` is a character that XML does not allow; leave it out")]
#[case("<a>x&#8;</a>", "`&#8;` is a character that XML does not allow; leave it out")]
#[case("<a>&#xFFFF;</a>", "`&#xFFFF;` is a character that XML does not allow; leave it out")]
#[case("<a>&#xD800;</a>", "expected the number of a character, found `&#xD800;`")]
#[case("<a b='&amp'/>", "the attribute `b` holds a `&` that begins no reference of XML; write `&amp;`")]
#[case("<a/>x", "expected an element, found text outside of any")]
#[case("<a/><![CDATA[x]]>", "expected an element, found text outside of any")]
#[case("<a/>&lt;", "expected an element, found text outside of any")]
#[case("<a/><b/>", "a second element stands after the document's root")]
#[case("", "expected an element, found none")]
#[case("<a>\0</a>", "the character NUL, which XML does not allow; make the file again")]
#[case("<a><b></a>", "expected `</b>`, found `</a>`")]
#[case("<a></a></a>", "`</a>` closes an element that was not opened")]
#[case("<a", "a tag that is not closed; the document is cut short, or a quote is missing")]
#[case("<a b='>", "a tag that is not closed; the document is cut short, or a quote is missing")]
#[case("<a></a", "a tag that is not closed; the document is cut short")]
#[case("<a>", "the document ends inside an element; it is cut short")]
#[case("<>", "expected the name of an element after `<`; write `&lt;` for the sign itself")]
#[case("<a>1 < 2</a>", "expected the name of an element after `<`; write `&lt;` for the sign itself")]
#[case("<a/b/>", "expected the name of an element after `<`; write `&lt;` for the sign itself")]
#[case("<a\">\"></a>", "expected the name of an element after `<`; write `&lt;` for the sign itself")]
#[case("<a b='1' /c='2'/>", "expected the name of an attribute")]
#[case("<a \u{C} b='1'/>", "the attribute `\u{C}` has no value")]
#[case("<a/>\u{C}", "expected an element, found text outside of any")]
#[case("<a><!-- --></a><!-- -", "a `<!--` without its `-->`; the document is cut short")]
#[case("<a><!--></a>", "a `<!--` without its `-->`; the document is cut short")]
#[case("<a><![CDATA[x]]</a>", "a `<![CDATA[` without its `]]>`; the document is cut short")]
#[case("<?xml version='1.0'>", "a `<?` without its `?>`; the document is cut short")]
#[case("<?>x?><a/>", "expected the name of an instruction after `<?`")]
#[case("<a/><?", "a `<?` without its `?>`; the document is cut short")]
#[case("<!DOCTYPE a SYSTEM '><a/>", "a `<!DOCTYPE` that is not closed")]
#[case("<!DOCTYPE ><a/>", "expected the name of the document's type after `<!DOCTYPE`")]
#[case("<a><!b></a>", "expected `<!--`, `<![CDATA[` or `<!DOCTYPE`, found something else that begins with `<!`")]
#[case("<a>x & y</a>", "a `&` that begins no reference; write `&amp;`")]
#[case("<a>x &y</a>;", "a `&` that begins no reference; write `&amp;`")]
#[case("<a>&#x110000;</a>", "expected the number of a character, found `&#x110000;`")]
#[case(
    "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
    "the document declares an internal DTD subset, which no report needs; write it without"
)]
#[case("<a>&b;</a>", "an entity that XML does not define itself; entities are not expanded")]
fn what_is_not_well_formed_is_refused(#[case] text: &str, #[case] message: &str) {
    let fault = attributes(text.as_bytes()).unwrap_err();
    assert_eq!((fault.reason, fault.message.as_str()), (Reason::Malformed, message));
}

/// Every format that is written in XML, with a place for an attribute whose value nobody asks for.
#[rstest]
#[case::junit(Format::Junit, "<testsuite name='s'><testcase name='t'\n HERE/></testsuite>", 1)]
#[case::junit_of_a_suite(
    Format::Junit,
    "<testsuites\n HERE><testsuite name='s'><testcase name='t'/></testsuite></testsuites>",
    1
)]
#[case::junit_in_a_message(
    Format::Junit,
    "<testsuite name='s'><testcase name='t'><failure HERE/></testcase></testsuite>",
    1
)]
#[case::junit_in_what_is_passed_over(
    Format::Junit,
    "<testsuite name='s'><testcase name='t'>\n<system-out HERE/></testcase></testsuite>",
    2
)]
#[case::trx(
    Format::Trx,
    "<TestRun><Results>\n<UnitTestResult testName='t' outcome='Passed' HERE/></Results></TestRun>",
    2
)]
#[case::cobertura(
    Format::Cobertura,
    "<coverage line-rate='1'>\n<packages HERE><class><lines><line hits='1'/></lines></class></packages></coverage>",
    2
)]
#[case::jacoco(
    Format::Jacoco,
    "<report name='r'><package HERE/>\n<counter type='LINE' missed='0' covered='1'/></report>",
    1
)]
#[case::jmeter(Format::JmeterXml, "<testResults><httpSample t='1' ts='1' s='true' HERE/></testResults>", 1)]
#[case::cyclonedx(
    Format::CyclonedxXml,
    "<bom xmlns='http://cyclonedx.org/schema/bom/1.5'><components>\n<component HERE><name>n</name></component></components></bom>",
    2
)]
fn t51_an_attribute_that_nobody_asks_for_is_held_to_the_rules_of_xml_too(
    #[case] format: Format,
    #[case] document: &str,
    #[case] line: u64,
) {
    let read = |attribute: &str| {
        let text = document.replace("HERE", attribute);
        assert_eq!(recognise(text.replace(attribute, "").as_bytes()), Some(format), "{text}");
        Tally::new(format.kind(), None).unwrap().read(format, text.as_bytes(), &mut About::default())
    };
    assert!(read("unused='a &amp; b &#x1F600;'").is_ok(), "{:?}", read("unused='a &amp; b'"));
    for value in ["&xxe;", "a & b", "a < b", "a&#0;", "&#xD800;"] {
        let fault = read(&format!("unused='{value}'")).unwrap_err();
        assert!(matches!(fault.place, Place::Line(at, _) if at == line), "{value}: {fault}");
        assert_eq!(fault.reason, Reason::Malformed);
        assert!(fault.message.contains("the attribute `unused` "), "{value}: {fault}");
    }
    assert!(read("unused='1' unused='2'").is_err());
    assert!(read("unused").is_err());
}

#[test]
fn t51_an_external_dtd_is_passed_over_and_never_fetched() {
    let text = r#"<!DOCTYPE report PUBLIC "-//JACOCO//DTD" "http://127.0.0.1:9/report.dtd"><a/>"#;
    assert!(attributes(text.as_bytes()).unwrap().is_empty());
}

#[test]
fn t51_elements_nest_only_so_deep() {
    let fault = attributes("<a>".repeat(1_000_000).as_bytes()).unwrap_err();
    assert_eq!((fault.reason, fault.place), (Reason::BeyondLimit, Place::Line(1, 512 * 3 + 1)));
}

#[test]
fn t51_a_huge_attribute_is_refused_although_nobody_reads_it() {
    let text = format!("<a><b c='{}'/></a>", "x".repeat(3 * Bounds::LEFT_OUT.text));
    let mut xml = Xml::new(text.as_bytes());
    xml.next().unwrap();
    assert_eq!(xml.next().unwrap_err().reason, Reason::BeyondLimit);
}

#[test]
fn t51_an_element_has_only_so_many_attributes() {
    let many = |count: usize| {
        let names: Vec<_> = (0..count).map(|number| format!("a{number}=''")).collect();
        format!("<a {}/>", names.join(" "))
    };
    assert_eq!(attributes(many(ATTRIBUTE_LIMIT).as_bytes()).unwrap().len(), ATTRIBUTE_LIMIT);
    assert_eq!(attributes(many(ATTRIBUTE_LIMIT + 1).as_bytes()).unwrap_err().reason, Reason::BeyondLimit);
}

#[rstest]
#[case(b"<a b='\xFF'/>")]
#[case(b"<a>\xC3\x28</a>")]
fn bytes_that_are_not_utf_8_are_refused(#[case] bytes: &[u8]) {
    assert_eq!(attributes(bytes).unwrap_err().reason, Reason::Malformed);
}

#[test]
fn a_nul_is_found_wherever_it_stands() {
    for at in [10, 16_000, 16_384, 16_390, 40_000, 49_999] {
        let mut bytes = format!("<a>{}</a>", "<b/>".repeat(12_600)).into_bytes();
        bytes[at] = 0;
        let fault = attributes(&bytes).unwrap_err();
        assert_eq!(fault.reason, Reason::Malformed, "{at}: {fault}");
    }
}

#[test]
fn t51_a_tag_that_closes_another_element_is_not_quoted_whole() {
    let text = format!("<a><b></{}></a>", "x".repeat(1_000_000));
    let fault = attributes(text.as_bytes()).unwrap_err();
    assert_eq!(fault.reason, Reason::Malformed);
    assert!(fault.message.starts_with("expected `</b>`, found `</xxx"), "{fault}");
    assert!(fault.message.len() < 300, "{} bytes", fault.message.len());
}

/// Documents that hold a bit of everything, which are then damaged.
const DOCUMENTS: [&str; 5] = [
    "\u{FEFF}<?xml version=\"1.0\"?>\n<!DOCTYPE a SYSTEM \"a>b.dtd\">\n<a:b c=\"1\" d:e='2>3'>\n  <f/>text &lt; <!-- a > b --><g h = \"\"\n i='\u{E9}'>\u{20AC}</g><![CDATA[ <x> ]] ]]>&#x41;</a:b>\n",
    "<r><?p i?><s t=\"u&amp;v\" w='\"'><x y=\"/\"/><x y='1'/ ><z></z ></s><s/></r><!-- end -->",
    "<q:r:s t:u:v='1' :w='2' x:='3' y::z='4'><:q/><q:/></q:r:s>",
    "<r a='1' b='2' c='3' d='4' e='5' f='6' g='7' h='8' i='9' j='10' k='11' l='12' m='13'/>",
    "<testsuite name=\"n\" tests=\"1\"><testcase name=\"a [&quot;x&quot;]\" classname=\"b.c\" time=\"0.1\"><failure message=\"m\">at\n\tx</failure></testcase></testsuite>",
];

#[test]
fn what_is_read_is_what_quick_xml_tells() {
    const SCRAPS: [&str; 26] = [
        "<",
        ">",
        "/",
        "/>",
        "</",
        "\"",
        "'",
        "=",
        " ",
        "&",
        ";",
        "<!--",
        "-->",
        "<![CDATA[",
        "]]>",
        "<?",
        "?>",
        "<a>",
        "</a>",
        "\0",
        "\u{E9}",
        "x",
        "-",
        ":",
        "\u{C}",
        "]",
    ];
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut below = |limit: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % limit as u64).unwrap()
    };
    let (mut read, mut refused) = (0, 0);
    for round in 0..40_000 {
        let mut bytes = DOCUMENTS[round % DOCUMENTS.len()].as_bytes().to_vec();
        // So that what matters stands before, on and behind the end of a window.
        let padding = if round % 7 == 0 { 16_200 + below(200) } else { 0 };
        for _ in 0..below(4) {
            let at = below(bytes.len());
            let over = bytes.len().min(at + below(4));
            bytes.splice(at..over, SCRAPS[below(SCRAPS.len())].bytes());
        }
        if padding > 0 {
            let comment = format!("<!--{}-->", " ".repeat(padding));
            bytes.splice(0..0, comment.into_bytes());
        }
        if beside::agrees(&bytes) {
            read += 1;
        } else {
            refused += 1;
        }
    }
    assert!(read > 5_000 && refused > 5_000, "{read} read, {refused} refused");
}

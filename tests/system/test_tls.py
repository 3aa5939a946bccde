from oneshot_dagster.system.tls import trust_for


def test_authorities_are_read_once_and_only_for_an_address_with_tls():
    known = trust_for("https://service.example").cert_store_stats()["x509_ca"]
    assert known > 50
    assert trust_for("https://another.example") is trust_for("https://service.example")
    assert trust_for("http://127.0.0.1:3000").cert_store_stats()["x509_ca"] == 0


def test_an_address_without_tls_verifies_nobody_by_accident():
    nobody = trust_for("http://127.0.0.1:3000")
    assert nobody.check_hostname
    assert nobody.verify_mode.name == "CERT_REQUIRED"

"""Small reference facts of the sample company. Larger ones (name frequencies, places) come from packages.

Sources: populations of states and regions rounded from the national statistics offices (INEGI, INE, DANE, INDEC, INE
Chile, US Census); postal prefixes of Spain are the official province numbers; frequent US names follow the Census of
2010 and the Social Security tables. Shares are what makes names and places skewed, as they are in life.
"""

from __future__ import annotations

COUNTRY_SHARES = {"MX": 0.40, "ES": 0.22, "CO": 0.14, "AR": 0.09, "CL": 0.07, "US": 0.08}

COUNTRY_NAMES_ES = {
    "MX": "México", "ES": "España", "CO": "Colombia", "AR": "Argentina", "CL": "Chile", "US": "Estados Unidos",
}  # fmt: skip

CURRENCIES = {"MX": "MXN", "ES": "EUR", "CO": "COP", "AR": "ARS", "CL": "CLP", "US": "USD"}

#: Units of a currency for one US dollar; prices of the sample company are set with them.
UNITS_PER_USD = {"MXN": 18.5, "EUR": 0.92, "COP": 4100.0, "ARS": 1350.0, "CLP": 940.0, "USD": 1.0}

MX_STATE_SHARES = {
    "Estado de México": 17.0, "México": 17.0, "Ciudad de México": 9.2, "Jalisco": 8.3, "Veracruz de Ignacio de la Llave": 8.1,
    "Puebla": 6.6, "Guanajuato": 6.2, "Nuevo León": 5.8, "Chiapas": 5.5, "Michoacán de Ocampo": 4.7, "Oaxaca": 4.1,
    "Baja California": 3.8, "Chihuahua": 3.7, "Guerrero": 3.5, "Tamaulipas": 3.5, "Coahuila de Zaragoza": 3.1,
    "Hidalgo": 3.1, "Sinaloa": 3.0, "Sonora": 2.9, "San Luis Potosí": 2.8, "Tabasco": 2.4, "Querétaro": 2.4,
    "Yucatán": 2.3, "Morelos": 2.0, "Durango": 1.8, "Quintana Roo": 1.9, "Zacatecas": 1.6, "Aguascalientes": 1.4,
    "Tlaxcala": 1.3, "Nayarit": 1.2, "Campeche": 0.9, "Baja California Sur": 0.8, "Colima": 0.7,
}  # fmt: skip

#: Province: official number (first two digits of its post codes) and population in hundred thousands.
ES_PROVINCES = {
    "Madrid": ("28", 67.5), "Barcelona": ("08", 57.0), "Valencia": ("46", 26.0), "Sevilla": ("41", 19.5),
    "Alicante": ("03", 19.0), "Málaga": ("29", 17.0), "Murcia": ("30", 15.2), "Cádiz": ("11", 12.5),
    "Vizcaya": ("48", 11.5), "La Coruña": ("15", 11.2), "Las Palmas": ("35", 11.3), "Asturias": ("33", 10.1),
    "Zaragoza": ("50", 9.7), "Pontevedra": ("36", 9.4), "Granada": ("18", 9.2), "Tarragona": ("43", 8.2),
    "Córdoba": ("14", 7.8), "Gerona": ("17", 7.8), "Almería": ("04", 7.3), "Toledo": ("45", 7.1), "Badajoz": ("06", 6.7),
    "Navarra": ("31", 6.6), "Jaén": ("23", 6.3), "Cantabria": ("39", 5.8), "Castellón": ("12", 5.9),
    "Valladolid": ("47", 5.2), "León": ("24", 4.5), "Burgos": ("09", 3.6), "Salamanca": ("37", 3.3), "Lugo": ("27", 3.3),
}  # fmt: skip

#: City, region, first digits of its post codes, weight.
CITIES = {
    "CO": [
        ("Bogotá", "Cundinamarca", "11", 33), ("Medellín", "Antioquia", "05", 12), ("Cali", "Valle del Cauca", "76", 10),
        ("Barranquilla", "Atlántico", "08", 6), ("Cartagena", "Bolívar", "13", 5), ("Cúcuta", "Norte de Santander", "54", 3),
        ("Bucaramanga", "Santander", "68", 3), ("Pereira", "Risaralda", "66", 2), ("Ibagué", "Tolima", "73", 2),
        ("Santa Marta", "Magdalena", "47", 2), ("Manizales", "Caldas", "17", 2), ("Villavicencio", "Meta", "50", 2),
        ("Pasto", "Nariño", "52", 2), ("Montería", "Córdoba", "23", 2), ("Neiva", "Huila", "41", 1),
        ("Popayán", "Cauca", "19", 1), ("Valledupar", "Cesar", "20", 1), ("Tunja", "Boyacá", "15", 1),
    ],
    "AR": [
        ("Buenos Aires", "Ciudad Autónoma de Buenos Aires", "C1", 30), ("Córdoba", "Córdoba", "X5", 14),
        ("Rosario", "Santa Fe", "S2", 12), ("La Plata", "Buenos Aires", "B1", 8), ("Mendoza", "Mendoza", "M5", 8),
        ("Mar del Plata", "Buenos Aires", "B7", 6), ("San Miguel de Tucumán", "Tucumán", "T4", 6), ("Salta", "Salta", "A4", 5),
        ("Santa Fe", "Santa Fe", "S3", 4), ("Corrientes", "Corrientes", "W3", 3), ("Neuquén", "Neuquén", "Q8", 3),
        ("Posadas", "Misiones", "N3", 2), ("San Juan", "San Juan", "J5", 2), ("Bahía Blanca", "Buenos Aires", "B8", 2),
    ],
    "CL": [
        ("Santiago", "Región Metropolitana", "83", 30), ("Puente Alto", "Región Metropolitana", "81", 9),
        ("Maipú", "Región Metropolitana", "92", 8), ("Ñuñoa", "Región Metropolitana", "77", 5),
        ("Viña del Mar", "Valparaíso", "25", 6), ("Valparaíso", "Valparaíso", "23", 5), ("Concepción", "Biobío", "40", 5),
        ("Antofagasta", "Antofagasta", "12", 5), ("Temuco", "La Araucanía", "47", 4), ("Rancagua", "O'Higgins", "28", 3),
        ("La Serena", "Coquimbo", "17", 3), ("Talca", "Maule", "34", 3), ("Puerto Montt", "Los Lagos", "54", 3),
    ],
    "US": [
        ("Los Angeles", "CA", "90", 16), ("Houston", "TX", "77", 12), ("San Antonio", "TX", "78", 9), ("Miami", "FL", "33", 9),
        ("Phoenix", "AZ", "85", 7), ("San Diego", "CA", "92", 7), ("Chicago", "IL", "60", 8), ("New York", "NY", "10", 10),
        ("Dallas", "TX", "75", 6), ("El Paso", "TX", "79", 4), ("San Jose", "CA", "95", 4), ("Denver", "CO", "80", 3),
        ("Las Vegas", "NV", "89", 3), ("Albuquerque", "NM", "87", 2),
    ],
}  # fmt: skip

US_AREA_CODES = ("213 310 713 832 210 305 786 602 619 312 212 718 214 915 408 303").split()
MX_AREA_CODES = ("55 56 33 81 222 442 477 664 656 998 999 614 662 667 229 449").split()

US_GIVEN = {
    "M": [("James", 33), ("John", 32), ("Robert", 31), ("Michael", 43), ("William", 30), ("David", 36), ("Richard", 25),
          ("Joseph", 26), ("Thomas", 23), ("Charles", 22), ("Christopher", 20), ("Daniel", 19), ("Matthew", 16),
          ("Anthony", 14), ("Mark", 13), ("Steven", 13), ("Andrew", 12), ("Joshua", 12), ("Kevin", 12), ("Brian", 12)],
    "F": [("Mary", 33), ("Patricia", 16), ("Jennifer", 15), ("Linda", 15), ("Elizabeth", 16), ("Barbara", 14),
          ("Susan", 11), ("Jessica", 10), ("Sarah", 10), ("Karen", 10), ("Nancy", 9), ("Lisa", 10), ("Margaret", 12),
          ("Sandra", 9), ("Ashley", 8), ("Emily", 8), ("Michelle", 8), ("Amanda", 8), ("Melissa", 7), ("Deborah", 7)],
}  # fmt: skip
US_SURNAMES = [
    ("Smith", 24.4), ("Johnson", 19.3), ("Williams", 16.2), ("Brown", 14.4), ("Jones", 14.2), ("Miller", 11.6),
    ("Davis", 11.2), ("Wilson", 8.0), ("Anderson", 7.8), ("Thomas", 7.6), ("Taylor", 7.5), ("Moore", 7.2),
    ("Jackson", 7.1), ("Martin", 7.0), ("Lee", 6.9), ("Thompson", 6.6), ("White", 6.6), ("Harris", 6.2), ("Clark", 5.6),
    ("Lewis", 5.3), ("Robinson", 5.3), ("Walker", 5.2), ("Young", 4.9), ("Allen", 4.8), ("King", 4.7), ("Wright", 4.6),
    ("Scott", 4.4), ("Hill", 4.3), ("Green", 4.3), ("Adams", 4.3), ("Baker", 4.2), ("Nelson", 4.3), ("Campbell", 3.9),
    ("Mitchell", 3.8), ("Roberts", 3.8), ("Carter", 3.8), ("Phillips", 3.6), ("Evans", 3.6), ("Turner", 3.5),
]  # fmt: skip

#: How frequent names are written; the frequency tables carry no accents.
ACCENTS = {
    plain: written
    for written in (
        "María José Jesús Ángel Andrés Víctor Óscar Rubén Iván Adrián Raúl César Tomás Ramón Martín Joaquín "
        "Sebastián Nicolás Julián Matías Agustín Hernán Germán Fabián Cristóbal Héctor Álvaro Íñigo Verónica "
        "Mónica Lucía Sofía Rocío Inés Ángela Ángeles Bárbara Begoña Concepción Asunción Encarnación Belén Noemí "
        "Raquel Estefanía Andrea Rosalía Ángelica Angélica Débora Míriam Guadalupe García González Rodríguez "
        "Fernández López Martínez Sánchez Pérez Gómez Jiménez Hernández Díaz Álvarez Muñoz Gutiérrez Ramírez "
        "Vázquez Domínguez Suárez Ramírez Giménez Ortíz Núñez Rubén Méndez Márquez Peña León Cortés Ibáñez "
        "Ibañez Durán Vélez Ordóñez Yáñez Cáceres Benítez Báez Galán Rincón Chacón Rendón Beltrán Bermúdez "
        "Avilés Guzmán Román Marín Millán Córdoba Velázquez Velásquez Martí Solís Valdés Cárdenas Zúñiga Ávila "
        "Águila Ríos Dávila Páez Peláez Sáez Sáenz Juárez Téllez Narváez"
    ).split()
    for plain in [written.lower().translate(str.maketrans("áéíóúü", "aeiouu"))]
}  # fmt: skip

#: Given name: everyday forms. The linkage has its own, longer list; here they only make names differ.
NICKNAMES = {
    "Francisco": ["Paco", "Pancho", "Fran", "Fco."], "José": ["Pepe"], "Manuel": ["Manolo"], "Antonio": ["Toño", "Toni"],
    "Jesús": ["Chuy"], "Guadalupe": ["Lupita", "Lupe"], "Dolores": ["Lola"], "Rosario": ["Charo"], "Ignacio": ["Nacho"],
    "Enrique": ["Quique"], "Alberto": ["Beto"], "Roberto": ["Beto"], "Guillermo": ["Memo"], "Eduardo": ["Lalo"],
    "Alejandro": ["Alex"], "Rafael": ["Rafa"], "Javier": ["Javi"], "Mercedes": ["Merche"], "Concepción": ["Conchi", "Concha"],
    "Isabel": ["Isa"], "Teresa": ["Tere"], "Patricia": ["Paty"], "Gabriela": ["Gaby"], "Daniel": ["Dani"], "Miguel": ["Miki"],
    "María José": ["Majo"], "José María": ["Chema"], "María Isabel": ["Maribel"], "María Teresa": ["Mayte", "Maite"],
    "María": ["Mª", "Ma."], "Luis": ["Lucho"], "Carlos": ["Charly"], "Fernando": ["Fer"], "Santiago": ["Santi"],
    "Robert": ["Bob"], "William": ["Bill"], "Michael": ["Mike"], "Elizabeth": ["Liz"], "Jennifer": ["Jen"], "James": ["Jim"],
    "Thomas": ["Tom"], "Joseph": ["Joe"], "Patrick": ["Pat"], "Daniela": ["Dani"], "Cristina": ["Cris"],
}  # fmt: skip

EMAIL_DOMAINS = [("gmail.example", 55), ("hotmail.example", 18), ("outlook.example", 10), ("yahoo.example", 9),
                 ("icloud.example", 6), ("live.example", 2)]  # fmt: skip
ROLE_BOXES = ["info", "ventas", "contacto", "compras", "administracion", "sales"]
SHARED_BOXES = ["familia", "casa", "fam"]

STREET_TYPES = {
    "MX": [("Calle", 60), ("Avenida", 18), ("Privada", 8), ("Boulevard", 7), ("Calzada", 4), ("Cerrada", 3)],
    "ES": [("Calle", 68), ("Avenida", 12), ("Plaza", 8), ("Paseo", 5), ("Camino", 4), ("Carretera", 3)],
    "CO": [("Calle", 48), ("Carrera", 40), ("Transversal", 6), ("Diagonal", 6)],
    "AR": [("", 70), ("Avenida", 24), ("Pasaje", 6)],
    "CL": [("Calle", 30), ("Avenida", 40), ("Pasaje", 30)],
    "US": [("St", 45), ("Ave", 25), ("Dr", 15), ("Blvd", 8), ("Rd", 7)],
}  # fmt: skip
STREET_NAMES = (
        "Benito Juárez,Hidalgo,Morelos,Reforma,Independencia,Insurgentes,Zaragoza,Allende,Madero,Mayor,Real,"
        "de la Constitución,San Martín,Bolívar,Libertad,Rivadavia,Belgrano,Mitre,Cervantes,Colón,Goya,Velázquez,"
        "Sol,Luna,Las Flores,Los Pinos,Los Aromos,O'Higgins,Arturo Prat,Balmaceda,Cuauhtémoc,Lázaro Cárdenas,"
        "Emiliano Zapata,5 de Mayo,16 de Septiembre,20 de Noviembre,del Carmen,Santa Ana,San José,San Antonio,"
        "La Paz,Las Palmas,El Roble,Niños Héroes,Miguel Hernández,Federico García Lorca,Gran Vía,del Prado,"
        "de Alcalá,San Francisco,Santa María"
    ).split(",")  # fmt: skip
US_STREET_NAMES = (
        "Main Oak Maple Cedar Pine Elm Washington Lake Hill Sunset Park Lincoln Jackson Church River Highland "
        "Mission Valley Spring Ridge"
    ).split()  # fmt: skip

CATEGORIES = [
    ("Café", ["Café de altura", "Café molido", "Café en grano", "Cápsulas de café"], 9.0),
    ("Cocina", ["Sartén", "Olla", "Batería de cocina", "Cafetera", "Licuadora", "Cuchillo"], 42.0),
    ("Hogar", ["Lámpara", "Cojín", "Manta", "Espejo", "Alfombra", "Florero"], 35.0),
    ("Jardín", ["Maceta", "Manguera", "Silla de jardín", "Parrilla"], 48.0),
    ("Moda", ["Camisa", "Vestido", "Chamarra", "Zapatos", "Bolso"], 38.0),
    ("Deporte", ["Balón", "Mochila", "Tenis", "Bicicleta", "Botella"], 55.0),
    ("Electrónica", ["Audífonos", "Bocina", "Reloj inteligente", "Teclado", "Cargador"], 65.0),
    ("Niños", ["Rompecabezas", "Muñeca", "Carrito", "Libro infantil"], 18.0),
]  # fmt: skip
VARIANTS = ["clásico", "grande", "negro", "azul", "premium", "artesanal", "mini", "rojo", "edición especial", "ligero"]

#: Orders by month of the year: summer sales, Buen Fin and Black Friday in November, Christmas.
SEASON = [0.80, 0.82, 0.90, 0.92, 1.05, 0.95, 1.00, 0.92, 0.95, 1.02, 1.55, 1.45]

SHOPIFY_ORDER_HEADER = (
    "Name,Email,Financial Status,Paid at,Fulfillment Status,Fulfilled at,Accepts Marketing,Currency,Subtotal,"
    "Shipping,Taxes,Total,Discount Code,Discount Amount,Shipping Method,Created at,Lineitem quantity,"
    "Lineitem name,Lineitem price,Lineitem compare at price,Lineitem sku,Lineitem requires shipping,"
    "Lineitem taxable,Lineitem fulfillment status,Billing Name,Billing Street,Billing Address1,"
    "Billing Address2,Billing Company,Billing City,Billing Zip,Billing Province,Billing Country,"
    "Billing Phone,Shipping Name,Shipping Street,Shipping Address1,Shipping Address2,Shipping Company,"
    "Shipping City,Shipping Zip,Shipping Province,Shipping Country,Shipping Phone,Notes,Note Attributes,"
    "Cancelled at,Payment Method,Payment Reference,Refunded Amount,Vendor,Outstanding Balance,Employee,"
    "Location,Device ID,Id,Tags,Risk Level,Source,Lineitem discount,Tax 1 Name,Tax 1 Value,Tax 2 Name,"
    "Tax 2 Value,Tax 3 Name,Tax 3 Value,Tax 4 Name,Tax 4 Value,Tax 5 Name,Tax 5 Value,Phone,Receipt Number,"
    "Duties,Billing Province Name,Shipping Province Name,Payment ID,Payment Terms Name,Next Payment Due At,"
    "Payment References"
).split(",")
#: Usual legal form of a company, per country.
FORMS = {"MX": "S.A. de C.V.", "ES": "S.L.", "CO": "S.A.S.", "AR": "S.A.", "CL": "SpA", "US": "Inc."}
